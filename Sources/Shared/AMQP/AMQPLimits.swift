/// The limits of the protocol.
package enum AMQPLimits {
    /// Names are short strings: one length byte.
    package static let shortStringBytes = 255
    /// Frames of the size that RabbitMQ offers by default; properties have to fit in one of them.
    static let frameBytes = 131_072
    /// Leaves room in a frame for the other properties (each at most 256 bytes).
    static let tableBytes = 65_536

    static func checkQueueName(_ name: String) throws(AMQPError) {
        guard !name.isEmpty, name.utf8.count <= shortStringBytes else {
            throw .invalidArgument("a queue name has 1 to \(shortStringBytes) bytes, not \(name.utf8.count)")
        }
    }

    static func checkTable(_ table: [AMQPText: AMQPValue], name: String, queue: String) throws(AMQPError) {
        guard let size = AMQPValue.encodedSizeBytes(of: table), size <= tableBytes else {
            throw .invalidArgument(
                "the \(name) exceed \(tableBytes) bytes, \(AMQPValue.maximumDepth) levels, or a name of 255 bytes",
                queue: queue
            )
        }
    }
}
