import TestSupport
import Testing

@testable import AMQP

@Suite("A stream")
struct StreamTests {
    private func withStream(_ body: (AMQPQueue, AMQPClient) async throws -> Void) async throws {
        try await withTestQueue("stream", declared: false) { name in
            let queue = AMQPQueue(name, arguments: ["x-queue-type": "stream"])
            try await withTestClient { client in
                try await client.declare(queue)
                try await body(queue, client)
            }
        }
    }

    private func read(
        _ count: Int,
        _ queue: AMQPQueue,
        from position: AMQPValue,
        _ client: AMQPClient
    ) async throws -> [AMQPDelivery] {
        let consumer = try client.consume(queue, prefetch: 10) { ["x-stream-offset": position] }
        var deliveries: [AMQPDelivery] = []
        for await delivery in consumer {
            deliveries.append(delivery)
            try await delivery.acknowledge()
            if deliveries.count == count { break }
        }
        await consumer.stop()
        return deliveries
    }

    @Test("keeps what was read, and is read again from any place, in one order for all")
    func reading() async throws {
        try await withStream { queue, client in
            for number in 0..<40 {
                var message = AMQPMessage(body: [UInt8(number)], messageID: "token-\(number)", type: "claim")
                message.headers = ["hop": .int(1 << 40), "node": "a"]
                try await client.publish(message, to: queue.name)
            }
            let all = try await read(40, queue, from: "first", client)
            #expect(all.map(\.body) == (0..<40).map { [UInt8($0)] })
            #expect(all.map(\.streamPosition) == (0..<40).map { Int64($0) })
            #expect(all.last?.messageID == "token-39" && all.last?.type == "claim")
            #expect(all.last?.headers["hop"] == .int(1 << 40) && all.last?.headers["node"] == "a")
            let rest = try await read(5, queue, from: .int(35), client)
            #expect(rest.compactMap(\.streamPosition) == [35, 36, 37, 38, 39])
        }
    }

    @Test("tells positions itself, and long bodies are dropped where a reader wants none")
    func strangers() async throws {
        try await withStream { queue, client in
            for (number, length) in [3, 100_000, 3].enumerated() {
                var message = AMQPMessage(body: [UInt8](repeating: UInt8(number), count: length))
                message.headers = ["x-stream-offset": .int(.max - 1)]
                try await client.publish(message, to: queue.name)
            }
            let consumer = try client.consume(queue, prefetch: 10, declaring: false, maximumBodyBytes: 10) {
                ["x-stream-offset": "first"]
            }
            var deliveries: [AMQPDelivery] = []
            for await delivery in consumer {
                deliveries.append(delivery)
                if deliveries.count == 3 { break }
            }
            await consumer.stop()
            #expect(deliveries.map(\.isOversized) == [false, true, false])
            #expect(deliveries.map(\.body) == [[0, 0, 0], [], [2, 2, 2]])
            #expect(deliveries.map(\.bodyBytes) == [3, 100_000, 3])
            #expect(deliveries.map(\.streamPosition) == [0, 1, 2])
        }
    }

    @Test("can be left with records that nobody has looked at, without costing the connection")
    func leaving() async throws {
        try await withStream { queue, client in
            for number in 0..<20 { try await client.publish(AMQPMessage(body: [UInt8(number)]), to: queue.name) }
            let consumer = try client.consume(queue, prefetch: 10) { ["x-stream-offset": "first"] }
            let first = try #require(await consumer.first { _ in true })
            // RabbitMQ ends the connection of whoever rejects one.
            await consumer.stop()
            try await first.acknowledge()
            #expect(try await client.messageCount(queue: queue.name) != nil)
            #expect(client.state == .connected)
            let last = try await read(1, queue, from: .int(19), client)
            #expect(last.map(\.body) == [[19]])
        }
    }
}
