/// A queue as it is declared.
///
/// The default, durable without arguments, is the declaration of the service's existing clients. Any difference makes
/// the broker refuse the later of the two declarations with 406.
package struct AMQPQueue: Sendable, Hashable {
    package var name: String
    /// Whether the queue survives a restart of the broker.
    package var isDurable: Bool
    /// Optional arguments such as `x-message-ttl` (milliseconds) or `x-dead-letter-routing-key`.
    package var arguments: [AMQPText: AMQPValue]

    package init(_ name: String, isDurable: Bool = true, arguments: [AMQPText: AMQPValue] = [:]) {
        self.name = name
        self.isDurable = isDurable
        self.arguments = arguments
    }

    /// Whether it is a log that is read and never emptied.
    package var isStream: Bool { arguments["x-queue-type"] == "stream" }
}
