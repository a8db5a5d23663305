import TestSupport
import Testing

@testable import AMQP

@Suite("A message that is published again")
struct CopyingTests {
    /// The only message in a queue, as it arrives.
    private func arrived(_ message: AMQPMessage, _ body: (AMQPDelivery, AMQPClient) async throws -> Void) async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                try await client.publish(message, to: queue)
                let delivery = try #require(await client.consume(AMQPQueue(queue)).first { _ in true })
                try await body(delivery, client)
                try await delivery.acknowledge()
            }
        }
    }

    @Test("keeps properties and names of headers of any bytes and length", arguments: [1, 90, 254, 255])
    func bytes(count: Int) async throws {
        let raw = AMQPText(bytes: [UInt8](repeating: 0xFF, count: count))
        let message = AMQPMessage(
            body: [1],
            messageID: raw,
            contentType: raw,
            correlationID: raw,
            type: raw,
            headers: [raw: .string(raw)]
        )
        try await arrived(message) { delivery, client in
            #expect(delivery.copies().first == message)
            try await withTestQueue { other in
                try await client.publish(firstFitting: delivery.copies(), to: other)
                let again = try #require(await client.consume(AMQPQueue(other)).first { _ in true })
                #expect(again.copies().first == message)
                try await again.acknowledge()
            }
        }
    }

    @Test("keeps names apart that differ in bytes alone")
    func names() async throws {
        let headers: [AMQPText: AMQPValue] = ["caf\u{E9}": 1, "cafe\u{301}": 2]
        #expect(headers.count == 2)
        try await arrived(AMQPMessage(body: [], headers: headers)) { delivery, _ in
            #expect(delivery.headers == headers)
            #expect(delivery.copies().first?.headers == headers)
        }
    }

    @Test("has no header that means something to a broker")
    func brokerHeaders() async throws {
        try await withTestQueue { copied in
            let own: [AMQPText: AMQPValue] = ["x": "kept", "cc": "kept", "x-first": "kept"]
            let message = AMQPMessage(
                body: [1],
                headers: own.merging([
                    "CC": .array([.string(copied)]), "x-delivery-count": 4, "x-death": .array([]),
                    "x-first-death-queue": "q", "x-last-death-reason": "r", "x-delay": 1000, "x-acquired-count": 1,
                    "x-deduplication-header": "d",
                ]) { $1 }
            )
            try await arrived(message) { delivery, client in
                #expect(delivery.headers["CC"] != nil)
                #expect(delivery.copies().first?.headers == own)
                #expect(delivery.renewed.headers == own)
                // The one that the broker made of the message itself.
                #expect(try await client.messageCount(queue: copied) == 1)
                try await withTestQueue { other in
                    try await client.publish(firstFitting: delivery.copies(), to: other)
                    #expect(try await client.messageCount(queue: other) == 1)
                    #expect(try await client.messageCount(queue: copied) == 1)
                }
            }
        }
    }

    @Test("says what its publisher says, whatever the message said before")
    func own() async throws {
        try await arrived(AMQPMessage(body: [], headers: ["a": 1, "b": 2, "c": 3])) { delivery, _ in
            let copies = delivery.copies(setting: ["a": 7, "b": nil as AMQPValue?, "d": 8])
            try #require(copies.count >= 2)
            #expect(copies[0].headers == ["a": 7, "c": 3, "d": 8])
            #expect(copies[1].headers == ["a": 7, "d": 8])
            #expect(copies.last?.headers == [:])
        }
    }

    @Test("still knows which queue has given it up")
    func givenUp() async throws {
        let deaths: AMQPValue = .array([.table(["reason": "delivery_limit", "queue": "work"])])
        try await arrived(AMQPMessage(body: [], headers: ["x-death": deaths])) { delivery, _ in
            #expect(delivery.givenUpBy == "work")
            try await arrived(delivery.renewed) { again, _ in
                #expect(again.headers["x-death"] == nil && again.givenUpBy == "work")
                #expect(again.renewed == delivery.renewed)
            }
        }
    }

    @Test("goes without headers, then without properties, where there is no room for them; the body stays")
    func noRoom() async throws {
        let long = AMQPMessage(
            body: [1, 2, 3],
            messageID: "id",
            headers: ["long": .string(String(repeating: "x", count: 65_000))]
        )
        try await arrived(long) { delivery, client in
            let reason = AMQPValue.string(String(repeating: "y", count: 1000))
            let copies = delivery.copies(setting: ["x-reason": reason])
            try await withTestQueue { other in
                try await client.publish(firstFitting: copies, to: other)
                let copy = try #require(await client.consume(AMQPQueue(other)).first { _ in true })
                #expect(copy.body == [1, 2, 3] && copy.messageID == "id" && copy.headers == ["x-reason": reason])
                try await copy.acknowledge()
                let body = [UInt8](repeating: 0, count: 101)
                let refused = await #expect(throws: AMQPError.self) {
                    try await withTestClient(configuration: AMQPConfiguration(maximumBodyBytes: 100)) { narrow in
                        try await narrow.publish(firstFitting: [AMQPMessage(body: body)], to: other)
                    }
                }
                #expect(refused?.code == .invalidArgument)
            }
        }
    }
}
