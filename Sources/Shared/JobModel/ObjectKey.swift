/// A key in an object store that is safe on every store, a directory included: relative, without empty, `.` or `..` parts and
/// without control characters.
public struct ObjectKey: Sendable, Hashable, CustomStringConvertible {
    /// The longest key of S3, in bytes of UTF-8.
    public static let maximumBytes = 1024

    public let rawValue: String
    public var description: String { rawValue }

    /// - Throws: a sentence that says what is wrong with the key.
    public init(_ rawValue: String) throws(ObjectKeyError) {
        func refuse(_ reason: String) -> ObjectKeyError { ObjectKeyError(key: rawValue, reason: reason) }
        if rawValue.isEmpty { throw refuse("it is empty") }
        if rawValue.utf8.count > Self.maximumBytes { throw refuse("it is longer than \(Self.maximumBytes) bytes") }
        if rawValue.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            throw refuse("it has a control character")
        }
        for part in rawValue.split(separator: "/", omittingEmptySubsequences: false) {
            if part.isEmpty { throw refuse("it starts or ends with a slash, or has two in a row") }
            if part == "." || part == ".." { throw refuse("it has a `\(part)` part, which could leave the store") }
            if part.utf8.count > 255 { throw refuse("a part of it is longer than 255 bytes") }
        }
        self.rawValue = rawValue
    }
}

public struct ObjectKeyError: Error, Sendable, Equatable, CustomStringConvertible {
    public var key: String
    public var reason: String

    public var description: String {
        let shown = key.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0) }.joined()
        return "the key `\(shown.clipped(toBytes: 300))` is not allowed: \(reason)"
    }
}
