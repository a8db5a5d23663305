package import AMQP

/// The runtime's side of a message broker: what a worker needs of it, and no more. The product has RabbitMQ behind it
/// (`AMQPClient`), tests have a broker in memory.
///
/// Errors are those of `AMQPClient`; the runtime decides by their codes.
package protocol MessageTransport: Sendable {
    var state: ConnectionState { get }
    /// The state now and every change.
    var states: AsyncStream<ConnectionState> { get }

    func start() throws(AMQPError)
    func close() async
    func waitUntilConnected() async throws

    /// Returns once the broker has taken responsibility for the message.
    func publish(_ message: AMQPMessage, to queue: String) async throws(AMQPError)
    /// Publishes the first of a message's copies for which there is room.
    func publish(firstFitting copies: [AMQPMessage], to queue: String) async throws(AMQPError)
    /// Publishes without waiting.
    func publish(
        _ message: AMQPMessage,
        to queue: String,
        completion: @escaping @Sendable (Result<Void, AMQPError>) -> Void
    ) throws(AMQPError)

    func declare(_ queue: AMQPQueue) async throws(AMQPError)
    /// How an existing queue differs from the way it would be declared.
    func differences(of queue: AMQPQueue, otherwise other: AMQPQueue?) async throws(AMQPError) -> [QueueDifference]
    /// Messages that are ready for delivery; nil when there is no such queue.
    func messageCount(queue: String) async throws(AMQPError) -> Int?

    /// Asks for the messages of a queue, one at a time.
    ///
    /// - Parameter transactional: the messages can be acknowledged together with publishing.
    func subscribe(to queue: AMQPQueue, transactional: Bool) throws(AMQPError) -> any MessageSubscription
}

/// The messages that come from one queue, across reconnects.
package protocol MessageSubscription: Sendable {
    /// The next message; nil when the subscription is given up, the connection is closed for good, or the task is
    /// cancelled.
    func next() async -> (any ReceivedMessage)?
    /// Gives the subscription up. Messages that nobody has seen are back in their queue when this returns.
    func stop() async
}

/// A message that the broker keeps until it is settled. One that is not settled when its connection ends is delivered
/// again.
package protocol ReceivedMessage: Sendable {
    /// Empty when ``isOversized``.
    var body: [UInt8] { get }
    var isOversized: Bool { get }
    /// Length of the body as published.
    var bodyBytes: UInt64 { get }
    var messageID: AMQPText? { get }
    var type: AMQPText? { get }
    var priority: UInt8? { get }
    /// The queue that it came from.
    var queue: String { get }
    /// When the last of it arrived here.
    var receivedAt: ContinuousClock.Instant { get }
    /// The queue that gave the message up because it was delivered too often, when it came here for that.
    var givenUpBy: AMQPText? { get }

    /// The message to publish elsewhere, bytes unchanged: the whole first, then with less and less beside the body.
    func copies(setting changes: [AMQPText: AMQPValue?]) -> [AMQPMessage]
    /// Tells the broker that the message is done.
    func acknowledge() async throws(AMQPError)
    /// Publishes messages and acknowledges this one in one transaction: all of it happens, or none.
    func acknowledge(publishing messages: [(message: AMQPMessage, queue: String)]) async throws(AMQPError)
    /// Gives the message back to its queue.
    ///
    /// - Parameter limit: a message that was given back as often is put there anew, at the end.
    func giveBack(renewingAfter limit: Int64) async throws(AMQPError)
}
