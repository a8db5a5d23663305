import AMQP
import TestSupport
import Testing

@Suite("A queue whose messages are asked for")
struct PullingTests {
    private func withMessages(_ count: UInt8, _ body: (AMQPClient, String) async throws -> Void) async throws {
        try await withTestQueue("pull") { queue in
            try await withTestClient { client in
                for number in 0..<count { try await client.publish(AMQPMessage(body: [number]), to: queue) }
                try await body(client, queue)
            }
        }
    }

    @Test("sends so many as were asked for and no more, in order, and says when there are none")
    func asked() async throws {
        try await withMessages(10) { client, queue in
            let puller = try client.pull(queue)
            #expect(try await puller.next().map(\.body) == [[0]])
            #expect(try await client.messageCount(queue: queue) == 9)
            #expect(try await puller.next(4).map(\.body) == [[1], [2], [3], [4]])
            #expect(try await client.messageCount(queue: queue) == 5)
            let rest = try await puller.next(10)
            try #require(rest.map(\.body) == [[5], [6], [7], [8], [9]])
            #expect(try await puller.next().isEmpty)
            try await rest[0].acknowledge()
            try await rest[1].reject(requeue: true)
            #expect(try await puller.next(3).map(\.body) == [[6]])
        }
    }

    @Test("has back in order what was not settled")
    func unsettled() async throws {
        try await withMessages(6) { client, queue in
            try await withTestClient { other in
                let puller = try other.pull(queue)
                let deliveries = try await puller.next(5)
                try #require(deliveries.count == 5)
                try await deliveries[1].acknowledge()
                try await deliveries[2].receipt.acknowledge()
            }
            let puller = try client.pull(queue)
            var bodies: [[UInt8]] = []
            try await eventually("all are back") {
                bodies += try await puller.next(10).map(\.body)
                return bodies.count == 4
            }
            #expect(bodies == [[0], [3], [4], [5]])
        }
    }

    @Test("that does not exist is told, and the connection goes on")
    func missing() async throws {
        try await withMessages(1) { client, queue in
            let puller = try client.pull(TestBroker.uniqueName("nobody"))
            let error = await #expect(throws: AMQPError.self) { try await puller.next() }
            #expect(error?.code == .notFound)
            await #expect(throws: AMQPError.self) { try await puller.next() }
            #expect(try await client.pull(queue).next().count == 1)
        }
    }

    @Test("has a body that is too long counted, not kept")
    func oversized() async throws {
        try await withMessages(0) { client, queue in
            try await client.publish(AMQPMessage(body: [UInt8](repeating: 1, count: 300_000)), to: queue)
            try await withTestClient(configuration: AMQPConfiguration(maximumBodyBytes: 1000)) { narrow in
                let delivery = try #require(try await narrow.pull(queue).next().first)
                #expect(delivery.isOversized && delivery.body.isEmpty && delivery.bodyBytes == 300_000)
                #expect(try await delivery.renew(by: narrow) == false)
            }
        }
    }
}
