import AMQP
import Foundation
import TestSupport
import Testing

@Suite struct QueueTests {
    @Test("A plain declaration is the one that other clients make")
    func sameAsOtherClients() async throws {
        try await withTestQueue(declared: false) { queue in
            // amqp-tools stand for the existing clients.
            let tool = Process()
            tool.executableURL = URL(filePath: "/usr/bin/amqp-declare-queue")
            let endpoint = try await TestBroker.endpoint()
            tool.arguments = [
                "-s", endpoint.host, "--port", "\(endpoint.port)", "--vhost", endpoint.virtualHost,
                "--username", endpoint.user, "--password", endpoint.password, "-q", queue, "-d",
            ]
            tool.standardOutput = FileHandle.nullDevice
            let status = try await withCheckedThrowingContinuation { continuation in
                tool.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
                do { try tool.run() } catch { continuation.resume(throwing: error) }
            }
            #expect(status == 0)
            try await withTestClient { client in
                try await client.declare(AMQPQueue(queue))
                try await client.declare(AMQPQueue(queue))
                #expect(try await client.messageCount(queue: queue) == 0)
            }
        }
    }

    @Test(
        "Declaring a queue with other properties fails, and the connection goes on",
        arguments: [
            AMQPQueue("", isDurable: false), AMQPQueue("", arguments: ["x-message-ttl": 1000]),
            AMQPQueue("", arguments: ["x-max-priority": 5]),
        ]
    )
    func precondition(other: AMQPQueue) async throws {
        try await withTestQueue { queue in
            try await withProxiedClient { client, proxy in
                var other = other
                other.name = queue
                let error = try await #require(throws: AMQPError.self) { try await client.declare(other) }
                #expect(error.code == .preconditionFailed)
                #expect(error.replyCode == 406)
                #expect(error.queue == queue)
                #expect(!error.isRetriable)
                try await client.declare(AMQPQueue(queue))
                try await client.publish(AMQPMessage(body: []), to: queue)
                #expect(proxy.acceptedConnections == 1)
            }
        }
    }

    @Test("The message count of a missing queue is nil, and the connection goes on")
    func missing() async throws {
        try await withTestQueue { queue in
            try await withProxiedClient { client, proxy in
                #expect(try await client.messageCount(queue: TestBroker.uniqueName()) == nil)
                try await client.publish(AMQPMessage(body: []), to: queue)
                #expect(try await client.messageCount(queue: queue) == 1)
                #expect(proxy.acceptedConnections == 1)
            }
        }
    }

    @Test("Purging and deleting report how many messages are gone")
    func purgeAndDelete() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                for _ in 0..<3 {
                    try await client.publish(AMQPMessage(body: []), to: queue)
                }
                #expect(try await client.purge(queue: queue) == 3)
                try await client.publish(AMQPMessage(body: []), to: queue)
                #expect(try await client.delete(queue: queue) == 1)
                #expect(try await client.delete(queue: queue) == 0)
                let error = try await #require(throws: AMQPError.self) { try await client.purge(queue: queue) }
                #expect(error.code == .notFound)
            }
        }
    }

    @Test("Operations on queues that fail do not take along those beside them")
    func concurrent() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                let counts = try await withThrowingTaskGroup(of: Int?.self) { group in
                    for index in 0..<40 {
                        group.addTask {
                            try await client.messageCount(queue: index.isMultiple(of: 2) ? queue : "test.missing")
                        }
                    }
                    return try await group.reduce(into: [Int?]()) { $0.append($1) }
                }
                #expect(counts.count { $0 == 0 } == 20)
                #expect(counts.count { $0 == nil } == 20)
            }
        }
    }

    @Test("A message that expires goes where the queue's arguments say")
    func delayQueue() async throws {
        try await withTestQueue("target") { target in
            try await withTestQueue("delay", declared: false) { delay in
                try await withTestClient { client in
                    try await client.declare(
                        AMQPQueue(
                            delay,
                            arguments: [
                                "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(target),
                                "x-message-ttl": 60_000,
                            ]
                        )
                    )
                    try await client.publish(AMQPMessage(body: [7], expirationMilliseconds: 1), to: delay)
                    let delivery = try #require(await client.consume(AMQPQueue(target)).first { _ in true })
                    #expect(delivery.body == [7])
                    // The broker's own headers: an array of tables with timestamps.
                    guard case .array(let deaths)? = delivery.headers["x-death"], case .table(let death)? = deaths.first
                    else {
                        Issue.record("no x-death header: \(delivery.headers)")
                        return
                    }
                    #expect(death["reason"] == "expired")
                    #expect(death["queue"] == .string(delay))
                    try await delivery.acknowledge()
                }
            }
        }
    }
}
