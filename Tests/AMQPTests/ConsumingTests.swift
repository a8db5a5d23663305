import AMQP
import TestSupport
import Testing

@Suite struct ConsumingTests {
    @Test("A delivery that is not acknowledged comes again")
    func redelivery() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                try await client.publish(AMQPMessage(body: [1]), to: queue)
                let delivery = try #require(await client.consume(AMQPQueue(queue)).first { _ in true })
                #expect(!delivery.isRedelivered)
                await client.close()
                let error = await #expect(throws: AMQPError.self) { try await delivery.acknowledge() }
                #expect(error?.code == .closed)
            }
            try await withTestClient { client in
                let delivery = try #require(await client.consume(AMQPQueue(queue)).first { _ in true })
                #expect(delivery.isRedelivered)
                try await delivery.acknowledge()
                #expect(try await client.messageCount(queue: queue) == 0)
            }
        }
    }

    @Test("With a prefetch of 1 the second message stays in the queue until the first is acknowledged")
    func prefetch() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                for index in UInt8(1)...2 {
                    try await client.publish(AMQPMessage(body: [index]), to: queue)
                }
                let deliveries = try client.consume(AMQPQueue(queue)).makeAsyncIterator()
                let first = try #require(await deliveries.next())
                #expect(first.body == [1])
                #expect(try await client.messageCount(queue: queue) == 1)
                try await first.acknowledge()
                let second = try #require(await deliveries.next())
                #expect(second.body == [2])
                try await second.acknowledge()
            }
        }
    }

    @Test("A rejected message comes again if it is requeued, and is gone if not", arguments: [false, true])
    func reject(transactional: Bool) async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                try await client.publish(AMQPMessage(body: [1]), to: queue)
                let consumer = try client.consume(AMQPQueue(queue), transactional: transactional)
                let deliveries = consumer.makeAsyncIterator()
                try await #require(await deliveries.next()).reject(requeue: true)
                let again = try #require(await deliveries.next())
                #expect(again.isRedelivered)
                try await again.reject(requeue: false)
                await consumer.stop()
                #expect(try await client.messageCount(queue: queue) == 0)
            }
        }
    }

    @Test("Settling a delivery twice fails and leaves the channel alone", arguments: [false, true])
    func settledTwice(transactional: Bool) async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                for index in UInt8(1)...2 {
                    try await client.publish(AMQPMessage(body: [index]), to: queue)
                }
                let consumer = try client.consume(AMQPQueue(queue), transactional: transactional)
                let deliveries = consumer.makeAsyncIterator()
                let first = try #require(await deliveries.next())
                try await first.acknowledge()
                for _ in 0..<2 {
                    let error = await #expect(throws: AMQPError.self) { try await first.reject(requeue: true) }
                    #expect(error?.code == .alreadySettled)
                }
                let second = try #require(await deliveries.next())
                try await second.acknowledge()
                #expect(!second.isRedelivered)
            }
        }
    }

    @Test(
        "Stopping gives back what nobody has seen, and what was seen can still be acknowledged",
        arguments: [false, true]
    )
    func stop(transactional: Bool) async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                for index in UInt8(1)...5 {
                    try await client.publish(AMQPMessage(body: [index]), to: queue)
                }
                let consumer = try client.consume(AMQPQueue(queue), prefetch: 3, transactional: transactional)
                let deliveries = consumer.makeAsyncIterator()
                let first = try #require(await deliveries.next())
                await consumer.stop()
                #expect(await deliveries.next() == nil)
                try await first.acknowledge()
                await consumer.stop()
                #expect(try await client.messageCount(queue: queue) == 4)
                let rest = try client.consume(AMQPQueue(queue), prefetch: 4)
                var bodies: [[UInt8]] = []
                for await delivery in rest {
                    bodies.append(delivery.body)
                    try await delivery.acknowledge()
                    if bodies.count == 4 { break }
                }
                #expect(Set(bodies) == [[2], [3], [4], [5]])
            }
        }
    }

    @Test("A consumer that nobody holds any more frees its messages")
    func dropped() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                try await client.publish(AMQPMessage(body: [1]), to: queue)
                _ = try client.consume(AMQPQueue(queue))
                let delivery = try #require(await client.consume(AMQPQueue(queue)).first { _ in true })
                try await delivery.acknowledge()
            }
        }
    }

    @Test("A cancelled task stops waiting for deliveries; the consumer goes on")
    func cancellation() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                let consumer = try client.consume(AMQPQueue(queue))
                let waiting = Task { await consumer.first { _ in true } }
                waiting.cancel()
                #expect(await waiting.value == nil)
                try await client.publish(AMQPMessage(body: [1]), to: queue)
                let delivery = try #require(await consumer.first { _ in true })
                try await delivery.acknowledge()
            }
        }
    }

    @Test("Each delivery goes to one of the tasks that iterate")
    func shared() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                let consumer = try client.consume(AMQPQueue(queue), prefetch: 8)
                for index in 0..<50 {
                    try await client.publish(AMQPMessage(body: [], messageID: "\(index)"), to: queue)
                }
                let ids = try await withThrowingTaskGroup(of: [String].self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            var ids: [String] = []
                            for await delivery in consumer {
                                try await delivery.acknowledge()
                                ids.append(delivery.messageID?.string ?? "")
                                if try await client.messageCount(queue: queue) == 0, ids.count >= 5 {
                                    await consumer.stop()
                                }
                            }
                            return ids
                        }
                    }
                    return try await group.reduce(into: []) { $0 += $1 }
                }
                #expect(ids.count == Set(ids).count)
                let left = try await client.messageCount(queue: queue) ?? 0
                #expect(ids.count + left == 50)
            }
        }
    }

    @Test("A queue with other properties is consumed as it is")
    func otherProperties() async throws {
        try await withTestQueue(declared: false) { queue in
            try await withTestClient(configuration: .quick) { client in
                try await client.declare(AMQPQueue(queue, arguments: ["x-max-length": 10]))
                try await client.publish(AMQPMessage(body: [1]), to: queue)
                let delivery = try #require(await client.consume(AMQPQueue(queue)).first { _ in true })
                try await delivery.acknowledge()
            }
        }
    }

    @Test("A body over the limit is dropped and marked, and the connection goes on")
    func oversized() async throws {
        try await withTestQueue { queue in
            try await withTestClient(configuration: AMQPConfiguration(maximumBodyBytes: 1000)) { client in
                let refused = await #expect(throws: AMQPError.self) {
                    try await client.publish(AMQPMessage(body: [UInt8](repeating: 1, count: 1001)), to: queue)
                }
                #expect(refused?.code == .invalidArgument)
                try await withTestClient { other in
                    for size in [300_000, 1000] {
                        try await other.publish(AMQPMessage(body: [UInt8](repeating: 1, count: size)), to: queue)
                    }
                }
                let deliveries = try client.consume(AMQPQueue(queue)).makeAsyncIterator()
                let large = try #require(await deliveries.next())
                #expect(large.isOversized && large.body.isEmpty && large.bodyBytes == 300_000)
                try await large.reject(requeue: false)
                let small = try #require(await deliveries.next())
                #expect(!small.isOversized && small.body.count == 1000)
                try await small.acknowledge()
            }
        }
    }
}
