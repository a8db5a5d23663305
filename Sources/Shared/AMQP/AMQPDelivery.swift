/// A message that a consumer received and that the broker keeps until it is settled.
///
/// A delivery that is not settled when its connection ends is delivered again.
package struct AMQPDelivery: Sendable {
    package private(set) var body: [UInt8]
    /// The body was longer than the configured limit and was dropped; `body` is empty.
    package private(set) var isOversized: Bool
    /// Length of the body as published.
    package let bodyBytes: UInt64
    package let messageID: AMQPText?
    package let contentType: AMQPText?
    package let correlationID: AMQPText?
    package let type: AMQPText?
    package let priority: UInt8?
    /// Whether the publisher wanted the message to survive a restart of the broker.
    package let isPersistent: Bool
    /// The publisher's clock, seconds since 1970.
    package let timestampSecondsSince1970: UInt64?
    package private(set) var headers: [AMQPText: AMQPValue]
    /// Whether the message was delivered before, here or elsewhere, and not acknowledged.
    package let isRedelivered: Bool
    /// The queue that it came from.
    package let queue: String
    /// When the last of it arrived here.
    package let receivedAt: ContinuousClock.Instant

    let channelID: UInt64
    let tag: UInt64
    private let core: ClientCore
    private let isTransactional: Bool

    init(_ content: Content, deliver: Method.Deliver, channelID: UInt64, subscription: Subscription, core: ClientCore) {
        let properties = content.properties
        body = content.body
        isOversized = content.isOversized
        bodyBytes = content.announcedBytes
        messageID = properties.messageID
        contentType = properties.contentType
        correlationID = properties.correlationID
        type = properties.type
        priority = properties.priority
        isPersistent = properties.deliveryMode == 2
        timestampSecondsSince1970 = properties.timestamp
        headers = properties.headers
        isRedelivered = deliver.isRedelivered
        queue = subscription.queue.name
        receivedAt = .now
        isTransactional = subscription.isTransactional
        tag = deliver.tag
        self.channelID = channelID
        self.core = core
    }

    /// The part of the delivery that is needed to settle it, without the body and other fields that a sender can make
    /// long.
    package var receipt: AMQPDelivery {
        var receipt = self
        receipt.body = []
        receipt.headers = [:]
        receipt.isOversized = true
        return receipt
    }

    /// Tells the broker that the message is done, and waits until the broker has taken note.
    ///
    /// - Throws: `.staleDelivery` when the delivery's channel is gone, so that the broker delivers the message again;
    ///   `.alreadySettled`; `.closed`.
    package func acknowledge() async throws(AMQPError) {
        try await settle(.acknowledge, publishing: [])
    }

    /// Gives the message back to its queue, or drops it (to the queue's dead-letter exchange if it has one).
    ///
    /// - Throws: like ``acknowledge()``.
    package func reject(requeue: Bool) async throws(AMQPError) {
        try await settle(.reject(requeue: requeue), publishing: [])
    }

    /// Publishes messages and acknowledges the delivery in one transaction: all of it happens, or none.
    ///
    /// Only for deliveries of a transactional consumer.
    ///
    /// - Throws: `.unroutable` when a queue does not exist: nothing happened, and the delivery can still be settled.
    ///   `.unroutableAfterCommit` when a queue vanished in between: the delivery is acknowledged and the messages to
    ///   the other queues are published. `.unconfirmed` when the connection or the channel was lost before the broker
    ///   answered: all of it or none happened, and if none, the broker delivers the message again. `.staleDelivery`,
    ///   `.alreadySettled`, `.timedOut` (the broker takes no messages), `.invalidArgument`, `.closed`.
    package func acknowledge(publishing messages: [(message: AMQPMessage, queue: String)]) async throws(AMQPError) {
        guard isTransactional else {
            throw .invalidArgument(
                "publishing with an acknowledgement needs a transactional consumer",
                queue: queue
            )
        }
        for (message, queue) in messages {
            try message.validate(queue: queue, maximumBodyBytes: core.configuration.maximumBodyBytes)
        }
        try await settle(
            .acknowledge,
            publishing: messages.map { SettleRequest.Publication(message: $0.message, queue: $0.queue) }
        )
    }

    private func settle(
        _ verdict: SettleRequest.Verdict,
        publishing publications: [SettleRequest.Publication]
    ) async throws(AMQPError) {
        let (channelID, tag, queue, core) = (channelID, tag, queue, core)
        let bytes = publications.reduce(0) { $0 + $1.message.body.count }
        let deadline = core.configuration.publishDeadline(bodyBytes: bytes)
        try await Reply<Void>.wait { reply in
            core.post(
                .settle(
                    SettleRequest(
                        channelID: channelID,
                        tag: tag,
                        queue: queue,
                        verdict: verdict,
                        publications: publications,
                        deadline: deadline,
                        reply: reply
                    )
                )
            )
        }
    }
}
