package import AMQP
package import StageRuntime
import Synchronization

/// A delivery of a ``MemoryBroker``.
package final class MemoryMessage: ReceivedMessage {
    let stored: MemoryBroker.Stored
    let connection: Int
    package let queue: String
    package let receivedAt: ContinuousClock.Instant
    private let transport: MemoryTransport
    private let isTransactional: Bool
    private let settled = Atomic(false)

    init(
        _ stored: MemoryBroker.Stored,
        from queue: String,
        over transport: MemoryTransport,
        connection: Int,
        isTransactional: Bool
    ) {
        self.stored = stored
        self.queue = queue
        self.transport = transport
        self.connection = connection
        self.isTransactional = isTransactional
        receivedAt = transport.process.now
    }

    package var body: [UInt8] { stored.message.body }
    package var isOversized: Bool { false }
    package var bodyBytes: UInt64 { UInt64(body.count) }
    package var messageID: AMQPText? { stored.message.messageID }
    package var type: AMQPText? { stored.message.type }
    package var priority: UInt8? { stored.message.priority }
    package var givenUpBy: AMQPText? {
        if case .string(let queue)? = stored.message.headers[Self.givenUpByHeader] { queue } else { nil }
    }

    static let givenUpByHeader: AMQPText = "x-given-up-by"

    package func copies(setting changes: [AMQPText: AMQPValue?]) -> [AMQPMessage] {
        var copy = stored.message
        for (name, value) in changes { copy.headers[name] = value }
        return [copy]
    }

    var isSettled: Bool { settled.load(ordering: .acquiring) }
    func settle() { settled.store(true, ordering: .releasing) }

    package func acknowledge() async throws(AMQPError) {
        try await transport.settle(self, .acknowledge) { [self] in
            transport.broker.acknowledge(stored.number)
            transport.broker.journal.note("ack")
        }
    }

    package func acknowledge(
        publishing messages: [(message: AMQPMessage, queue: String)]
    ) async throws(AMQPError) {
        precondition(isTransactional, "no transaction without a transactional subscription")
        try await transport.settle(self, .commit, publishingTo: messages.map(\.queue)) { [self] () throws(AMQPError) in
            let broker = transport.broker
            if let missing = messages.first(where: { !broker.has($0.queue) }) {
                broker.journal.note("unroutable \(transport.journal(missing.queue, missing.message))")
                throw AMQPError(.unroutable, "no such queue", isRetriable: false, queue: missing.queue)
            }
            for (message, queue) in messages { broker.store(message, in: queue) }
            broker.acknowledge(stored.number)
            let told = messages.map { transport.journal($0.queue, $0.message) }
            broker.journal.note("commit(\((told + ["ack"]).joined(separator: " ")))")
        }
    }

    package func giveBack(renewingAfter limit: Int64) async throws(AMQPError) {
        if stored.returns > 0, stored.returns >= limit, await renew() { return try await acknowledge() }
        try await transport.settle(self, .giveBack) { [self] in
            transport.broker.giveBack(stored.number, atEnd: limit <= 0)
            transport.broker.journal.note(limit <= 0 ? "renew" : "back")
        }
    }

    /// Puts the message into its quorum queue anew, as the product's client does.
    ///
    /// - Returns: whether the broker has it.
    private func renew() async -> Bool {
        do throws(AMQPError) {
            try await transport.publish(stored.message, to: queue)
            return true
        } catch {
            return false
        }
    }
}

/// The messages of one queue of a ``MemoryBroker``.
package final class MemorySubscription: MessageSubscription {
    private let transport: MemoryTransport
    private let queue: String
    private let isTransactional: Bool
    private let stopped = Atomic(false)
    private let number: Int

    init(transport: MemoryTransport, queue: String, isTransactional: Bool) {
        self.transport = transport
        self.queue = queue
        self.isTransactional = isTransactional
        number = transport.broker.newNumber()
        let (broker, number) = (transport.broker, number)
        transport.process.whenDead { broker.forget(queue, number) }
    }

    package func next() async -> (any ReceivedMessage)? {
        let broker = transport.broker
        return await withTaskCancellationHandler {
            while !stopped.load(ordering: .acquiring), !Task.isCancelled {
                try? await transport.waitUntilConnected()
                let connection = transport.number
                if let stored = broker.take(from: queue, connection: connection) {
                    return MemoryMessage(
                        stored,
                        from: queue,
                        over: transport,
                        connection: connection,
                        isTransactional: isTransactional
                    )
                }
                await broker.wait(for: queue, as: number)
            }
            return nil
        } onCancel: {
            broker.wake(queue, as: number)
        }
    }

    package func stop() async {
        stopped.store(true, ordering: .releasing)
        transport.broker.wake(queue, as: number)
    }
}
