/// A path beneath a directory, made of bytes: names of entries with single slashes between them.
///
/// Text is cut at the *byte* `/`, as the kernel does. To Swift, a slash and a combining mark after it are one character
/// that is no slash; a path that is cut by characters has parts in which the kernel sees more parts, `..` among them.
package struct RelativePath: Sendable, Hashable {
    /// With a NUL at its end.
    private let terminated: [UInt8]
    /// The place at which the last name begins.
    private let nameStart: Int

    package init(_ bytes: some Collection<UInt8>) throws(PathProblem) {
        let slash = UInt8(ascii: "/")
        if bytes.isEmpty { throw .empty }
        if bytes.first == slash { throw .absolute }
        var terminated: [UInt8] = []
        terminated.reserveCapacity(bytes.count + 1)
        var start = 0
        func check(_ part: ArraySlice<UInt8>) throws(PathProblem) {
            if part.isEmpty { throw .emptyPart }
            if part.count > EntryName.maximumBytes { throw .longPart }
            if part.count <= 2, part.allSatisfy({ $0 == UInt8(ascii: ".") }) { throw .dots }
        }
        for byte in bytes {
            if byte == 0 { throw .nul }
            if byte == slash {
                try check(terminated[start...])
                start = terminated.count + 1
            }
            terminated.append(byte)
        }
        try check(terminated[start...])
        terminated.append(0)
        self.terminated = terminated
        nameStart = start
    }

    package init(_ text: String) throws(PathProblem) { try self.init(text.utf8) }

    /// A path of one name.
    package init(_ name: EntryName) {
        terminated = Array(name.bytes) + [0]
        nameStart = 0
    }

    private init(prefix terminated: [UInt8], nameStart: Int) {
        self.terminated = terminated
        self.nameStart = nameStart
    }

    package var bytes: ArraySlice<UInt8> { terminated.dropLast() }

    /// The path for messages; bytes that are not UTF-8 are repaired.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The last name.
    package var name: EntryName {
        // Checked when the path was made.
        guard let name = try? EntryName(bytes[nameStart...]) else { preconditionFailure("a path without a name") }
        return name
    }

    /// The path of the directory that holds the last name; nil when that is the root itself.
    package var parent: RelativePath? {
        if nameStart == 0 { return nil }
        let end = nameStart - 1
        let start = terminated[..<end].lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        return RelativePath(prefix: Array(terminated[..<end]) + [0], nameStart: start)
    }

    /// The directories that lead to the last name, outermost first: `a/b/c` has `a` and `a/b`.
    package var parents: [RelativePath] {
        var parents: [RelativePath] = []
        var next = parent
        while let path = next {
            parents.append(path)
            next = path.parent
        }
        return parents.reversed()
    }

    /// The number of its names.
    package var depth: Int { terminated.count { $0 == UInt8(ascii: "/") } + 1 }

    package func appending(_ name: EntryName) -> RelativePath {
        RelativePath(prefix: Array(bytes) + [UInt8(ascii: "/")] + name.bytes + [0], nameStart: terminated.count)
    }

    /// Calls `body` with the path as the kernel takes it.
    func withPointer<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        terminated.withUnsafeBytes { bytes in
            // Never empty: there is the NUL.
            guard let base = bytes.baseAddress else { return body("") }
            return body(base.assumingMemoryBound(to: CChar.self))
        }
    }
}
