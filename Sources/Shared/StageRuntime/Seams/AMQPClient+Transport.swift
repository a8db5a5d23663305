package import AMQP

extension AMQPClient: MessageTransport {
    package func subscribe(
        to queue: AMQPQueue,
        transactional: Bool
    ) throws(AMQPError) -> any MessageSubscription {
        BrokerSubscription(consumer: try consume(queue, transactional: transactional), client: self)
    }
}

private struct BrokerSubscription: MessageSubscription {
    let consumer: AMQPConsumer
    let client: AMQPClient

    func next() async -> (any ReceivedMessage)? {
        let deliveries = consumer.makeAsyncIterator()
        guard let delivery = await deliveries.next() else { return nil }
        return BrokerMessage(delivery: delivery, client: client)
    }

    func stop() async { await consumer.stop() }
}

private struct BrokerMessage: ReceivedMessage {
    let delivery: AMQPDelivery
    let client: AMQPClient

    var body: [UInt8] { delivery.body }
    var isOversized: Bool { delivery.isOversized }
    var bodyBytes: UInt64 { delivery.bodyBytes }
    var messageID: AMQPText? { delivery.messageID }
    var type: AMQPText? { delivery.type }
    var priority: UInt8? { delivery.priority }
    var queue: String { delivery.queue }
    var receivedAt: ContinuousClock.Instant { delivery.receivedAt }
    var givenUpBy: AMQPText? { delivery.givenUpBy }

    func copies(setting changes: [AMQPText: AMQPValue?]) -> [AMQPMessage] { delivery.copies(setting: changes) }
    func acknowledge() async throws(AMQPError) { try await delivery.acknowledge() }
    func acknowledge(publishing messages: [(message: AMQPMessage, queue: String)]) async throws(AMQPError) {
        try await delivery.acknowledge(publishing: messages)
    }
    func giveBack(renewingAfter limit: Int64) async throws(AMQPError) {
        try await delivery.giveBack(by: client, renewingAfter: limit)
    }
}
