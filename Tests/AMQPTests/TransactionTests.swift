import TestSupport
import Testing

@testable import AMQP

@Suite struct TransactionTests {
    /// `tx.commit`.
    private static let commit = AMQPFrameKind(90, 20)

    @Test("Publishing and acknowledging happen together")
    func commit() async throws {
        try await withTestQueue("in") { input in
            try await withTestQueue("out") { output in
                try await withTestQueue("news") { news in
                    try await withTestClient { client in
                        try await client.publish(AMQPMessage(body: [1]), to: input)
                        let consumer = try client.consume(AMQPQueue(input), transactional: true)
                        let delivery = try #require(await consumer.first { _ in true })
                        try await delivery.acknowledge(publishing: [
                            (AMQPMessage(body: [2], messageID: "next"), output), (AMQPMessage(body: [3]), news),
                            (AMQPMessage(body: [4]), news),
                        ])
                        await consumer.stop()
                        #expect(try await client.messageCount(queue: input) == 0)
                        #expect(try await client.messageCount(queue: output) == 1)
                        #expect(try await client.messageCount(queue: news) == 2)
                        let next = try #require(await client.consume(AMQPQueue(output)).first { _ in true })
                        #expect(next.messageID == "next")
                        try await next.acknowledge()
                    }
                }
            }
        }
    }

    @Test("Neither happens when the connection dies before the commit")
    func diesBeforeCommit() async throws {
        try await withTestQueue("in") { input in
            try await withTestQueue("out") { output in
                try await withProxiedClient { client, proxy in
                    try await client.publish(AMQPMessage(body: [1]), to: input)
                    let consumer = try client.consume(AMQPQueue(input), transactional: true)
                    let deliveries = consumer.makeAsyncIterator()
                    let delivery = try #require(await deliveries.next())
                    _ = proxy.arm(.init(.toBroker, Self.commit, share: 0, .close))
                    let error = await #expect(throws: AMQPError.self) {
                        try await delivery.acknowledge(publishing: [(AMQPMessage(body: [2]), output)])
                    }
                    #expect(error?.code == .unconfirmed)
                    let again = try #require(await deliveries.next())
                    #expect(again.isRedelivered)
                    #expect(try await client.messageCount(queue: output) == 0)
                    try await again.acknowledge(publishing: [(AMQPMessage(body: [2]), output)])
                    #expect(try await client.messageCount(queue: output) == 1)
                }
            }
        }
    }

    @Test("A missing queue undoes nothing: the delivery can be settled afterwards")
    func missingQueue() async throws {
        try await withTestQueue("in") { input in
            try await withTestQueue("out") { output in
                try await withTestClient { client in
                    try await client.publish(AMQPMessage(body: [1]), to: input)
                    let consumer = try client.consume(AMQPQueue(input), transactional: true)
                    let delivery = try #require(await consumer.first { _ in true })
                    let missing = TestBroker.uniqueName("missing")
                    let error = await #expect(throws: AMQPError.self) {
                        try await delivery.acknowledge(publishing: [
                            (AMQPMessage(body: [2]), output), (AMQPMessage(body: [3]), missing),
                        ])
                    }
                    #expect(error?.code == .unroutable)
                    #expect(error?.queue == missing)
                    #expect(try await client.messageCount(queue: output) == 0)
                    try await delivery.acknowledge(publishing: [(AMQPMessage(body: [2]), output)])
                    #expect(try await client.messageCount(queue: output) == 1)
                    await consumer.stop()
                    #expect(try await client.messageCount(queue: input) == 0)
                }
            }
        }
    }

    @Test("Publishing with an acknowledgement needs a transactional consumer")
    func plainConsumer() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                try await client.publish(AMQPMessage(body: [1]), to: queue)
                let delivery = try #require(await client.consume(AMQPQueue(queue)).first { _ in true })
                let error = await #expect(throws: AMQPError.self) {
                    try await delivery.acknowledge(publishing: [(AMQPMessage(body: []), queue)])
                }
                #expect(error?.code == .invalidArgument)
                try await delivery.acknowledge()
            }
        }
    }

    @Test("An acknowledgement alone is committed too")
    func acknowledgeAlone() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                try await client.publish(AMQPMessage(body: [1]), to: queue)
                let consumer = try client.consume(AMQPQueue(queue), transactional: true)
                try await #require(await consumer.first { _ in true }).acknowledge()
            }
            let left = try await withTestClient { client in try await client.messageCount(queue: queue) }
            #expect(left == 0)
        }
    }

    @Test("The broker returns a message before it answers the commit, as the bookkeeping expects")
    func returnsComeFirst() async throws {
        let missing = TestBroker.uniqueName("missing")
        try await withRawConnection { connection throws(AMQPError) in
            try connection.selectTransactions(1)
            try connection.publish(1, AMQPMessage(body: [1]), to: missing)
            try connection.commit(1)
            var isReturned = false
            while true {
                switch try connection.awaitFrame() {
                case .method(1, .returned(let returned)): isReturned = returned.queue == missing
                case .method(1, .txCommitOk):
                    #expect(isReturned)
                    return
                default: break
                }
            }
        }
    }
}
