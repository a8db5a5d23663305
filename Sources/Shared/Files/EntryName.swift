internal import Glibc

/// The name of one entry in a directory, as bytes: not empty, no slash, no NUL, neither `.` nor `..`. The calls that
/// act on one entry (`fstatat`, `unlinkat`, `linkat`, `renameat`, `mkdirat`) follow links in all parts of a path but
/// the last, so they get only values of this type.
package struct EntryName: Sendable, Hashable {
    /// The limit of Linux file systems, in bytes.
    package static let maximumBytes = 255

    /// With a NUL at its end.
    private let terminated: [UInt8]

    package var bytes: ArraySlice<UInt8> { terminated.dropLast() }

    /// The name for messages; bytes that are not UTF-8 are repaired.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package init(_ bytes: some Collection<UInt8>) throws(PathProblem) {
        if bytes.isEmpty { throw .emptyPart }
        if bytes.count > Self.maximumBytes { throw .longPart }
        let dot = UInt8(ascii: ".")
        if bytes.elementsEqual([dot]) || bytes.elementsEqual([dot, dot]) { throw .dots }
        var terminated: [UInt8] = []
        terminated.reserveCapacity(bytes.count + 1)
        for byte in bytes {
            if byte == 0 { throw .nul }
            if byte == UInt8(ascii: "/") { throw .slash }
            terminated.append(byte)
        }
        terminated.append(0)
        self.terminated = terminated
    }

    package init(_ text: String) throws(PathProblem) { try self.init(text.utf8) }

    /// Calls `body` with the name as the kernel takes it.
    func withPointer<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        terminated.withUnsafeBytes { bytes in
            // Never empty: there is the NUL.
            guard let base = bytes.baseAddress else { return body("") }
            return body(base.assumingMemoryBound(to: CChar.self))
        }
    }
}

/// Why bytes are no relative path, or no name of one entry.
package enum PathProblem: Error, Sendable, Hashable, CustomStringConvertible {
    case empty
    case absolute
    case emptyPart
    /// A `.` or `..` part.
    case dots
    case nul
    case longPart
    case slash

    package var description: String {
        switch self {
        case .empty: "it is empty"
        case .absolute: "it begins with a slash"
        case .emptyPart: "it ends with a slash, or has two in a row"
        case .dots: "it has a `.` or `..` part"
        case .nul: "it has a NUL character"
        case .longPart: "a part of it is longer than \(EntryName.maximumBytes) bytes"
        case .slash: "it has a slash"
        }
    }

    /// The errno that the kernel would give for a path that must stay beneath its root.
    var errno: CInt {
        switch self {
        case .absolute, .dots: EXDEV
        case .longPart: ENAMETOOLONG
        case .empty, .emptyPart, .nul, .slash: EINVAL
        }
    }
}
