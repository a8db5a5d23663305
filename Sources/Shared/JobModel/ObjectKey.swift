/// A key in an object store: any text of 1 to 1024 bytes, as S3 allows. A store refuses a key that it cannot hold.
package struct ObjectKey: Sendable, Hashable, CustomStringConvertible {
    /// The longest key of S3, in bytes of UTF-8.
    package static let maximumBytes = 1024

    /// Compared by its bytes, as stores do.
    private let text: ByteText

    package var rawValue: String { text.string }

    /// For people: one line, not endless.
    package var description: String { text.string.clipped(toBytes: 300).shown }

    /// - Throws: a sentence that says what is wrong with the key.
    package init(_ rawValue: String) throws(ObjectKeyError) {
        text = ByteText(rawValue)
        if text.isEmpty { throw ObjectKeyError(key: rawValue, reason: "it is empty") }
        if text.count > Self.maximumBytes {
            throw ObjectKeyError(key: rawValue, reason: "it is longer than \(Self.maximumBytes) bytes")
        }
    }
}

package struct ObjectKeyError: Error, Sendable, Equatable, CustomStringConvertible {
    package var key: String
    package var reason: String

    package init(key: String, reason: String) {
        self.key = key
        self.reason = reason
    }

    package var description: String { "the key `\(key.clipped(toBytes: 300).shown)` is not allowed: \(reason)" }
}
