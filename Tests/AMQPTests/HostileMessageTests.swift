import Foundation
import TestSupport
import Testing

@testable import AMQP

/// Messages that another client may send and ours would not: written with the connection itself, unchecked.
@Suite struct HostileMessageTests {
    private static func publishUnchecked(
        _ messages: @escaping @Sendable () -> [AMQPMessage],
        to queue: String
    ) async throws {
        try await withRawConnection { connection throws(AMQPError) in
            try connection.selectConfirms(1)
            let messages = messages()
            for message in messages {
                try connection.publish(1, message, to: queue)
            }
            var confirmed: UInt64 = 0
            while confirmed < UInt64(messages.count) {
                if case .method(_, .ack(let tag, _)) = try connection.awaitFrame() { confirmed = tag }
            }
        }
    }

    @Test("Headers that nest thousands deep are cut off, and the connection goes on", arguments: [17, 1000, 10_000])
    func deepHeaders(depth: Int) async throws {
        try await withTestQueue { queue in
            try await Self.publishUnchecked(
                {
                    let arrays = (0..<depth).reduce(AMQPValue.null) { value, _ in .array([value]) }
                    let tables = (0..<depth).reduce(AMQPValue.null) { value, _ in .table(["k": value]) }
                    return [
                        AMQPMessage(body: [1], headers: ["deep": arrays, "flat": 1]),
                        AMQPMessage(body: [2], headers: ["deep": tables, "flat": 1]),
                    ]
                },
                to: queue
            )
            try await withProxiedClient { client, proxy in
                let consumer = try client.consume(AMQPQueue(queue))
                let deliveries = consumer.makeAsyncIterator()
                for body in UInt8(1)...2 {
                    let delivery = try #require(await deliveries.next())
                    #expect(delivery.body == [body])
                    #expect(delivery.headers["flat"] == 1)
                    #expect(Self.depth(of: .table(delivery.headers)) <= AMQPValue.maximumDepth + 1)
                    try await delivery.acknowledge()
                }
                #expect(proxy.acceptedConnections == 1)
            }
        }
    }

    @Test("Headers to which the broker adds until they are longer than a frame arrive, and the connection goes on")
    func headersLongerThanAFrame() async throws {
        try await withTestQueue { target in
            try await withTestQueue(declared: false) { delay in
                try await withTestClient { client in
                    try await client.declare(
                        AMQPQueue(
                            delay,
                            arguments: [
                                "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(target),
                                "x-message-ttl": 1,
                            ]
                        )
                    )
                }
                let long = AMQPValue.string(String(repeating: "x", count: 131_000))
                try await Self.publishUnchecked({ [AMQPMessage(body: [1], headers: ["long": long])] }, to: delay)
                try await withProxiedClient { client, proxy in
                    let delivery = try #require(await client.consume(AMQPQueue(target)).first { _ in true })
                    #expect(delivery.headers["long"] == long && delivery.headers["x-death"] != nil)
                    // There is no room for them in anything that is sent.
                    try await client.publish(firstFitting: delivery.copies(setting: ["x-reason": "why"]), to: target)
                    try await delivery.acknowledge()
                    let copy = try #require(await client.consume(AMQPQueue(target)).first { _ in true })
                    #expect(copy.body == [1] && copy.headers == ["x-reason": "why"])
                    try await copy.acknowledge()
                    #expect(proxy.acceptedConnections == 1)
                }
            }
        }
    }

    private static func depth(of value: AMQPValue) -> Int {
        switch value {
        case .array(let values): 1 + (values.map(depth).max() ?? 0)
        case .table(let table): 1 + (table.values.map(depth).max() ?? 0)
        default: 0
        }
    }

    @Test("Text that is not UTF-8 arrives as the bytes that it is")
    func notUTF8() async throws {
        try await withTestQueue { queue in
            let endpoint = try await TestBroker.endpoint()
            let tool = Process()
            tool.executableURL = URL(filePath: "/bin/sh")
            // Somebody else's client; the shell makes the bytes, which are no valid argument here.
            tool.arguments = [
                "-c",
                #"bad=$(printf 'A\377B'); exec amqp-publish -r "$1" -s "$2" --port "$3" --vhost "$4" --username "$5" "#
                    + #"--password "$6" -C "$bad" -H "raw: $bad" -H "$bad: 1" -b "$bad""#,
                "sh", queue, endpoint.host, "\(endpoint.port)", endpoint.virtualHost, endpoint.user, endpoint.password,
            ]
            let status = try await withCheckedThrowingContinuation { continuation in
                tool.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
                do { try tool.run() } catch { continuation.resume(throwing: error) }
            }
            #expect(status == 0)
            try await withTestClient { client in
                let consumer = try client.consume(AMQPQueue(queue))
                let delivery = try #require(await consumer.first { _ in true })
                let bytes: [UInt8] = [0x41, 0xFF, 0x42]
                #expect(delivery.body == bytes)
                #expect(delivery.contentType == AMQPText(bytes: bytes) && delivery.contentType?.string == nil)
                #expect(delivery.headers["raw"] == .string(AMQPText(bytes: bytes)))
                #expect(delivery.headers[AMQPText(bytes: bytes)] == "1")
                try await delivery.acknowledge()
            }
        }
    }
}
