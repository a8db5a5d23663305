/// A value that is text by custom and bytes on the wire: a property, the name of a header, a long string.
///
/// RabbitMQ does not look at such bytes, and neither does this type: they go back out as they came in, and are
/// compared, hashed and ordered as bytes. Repaired text would be longer than the text that arrived, so that it might
/// not fit again.
package struct AMQPText: Sendable, Hashable, Comparable {
    package let bytes: [UInt8]

    package init(_ text: String) { bytes = Array(text.utf8) }

    package init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// The text, or nil when the bytes are not UTF-8.
    package var string: String? { String(validating: bytes, as: UTF8.self) }

    package static func < (left: AMQPText, right: AMQPText) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension AMQPText: ExpressibleByStringInterpolation, CustomStringConvertible {
    package init(stringLiteral value: String) { self.init(value) }

    /// The text for people: bytes that are not UTF-8 become U+FFFD.
    package var description: String { String(decoding: bytes, as: UTF8.self) }
}
