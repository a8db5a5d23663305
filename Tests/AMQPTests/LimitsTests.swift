import Testing

@testable import AMQP

@Suite struct LimitsTests {
    private static func nested(_ depth: Int) -> AMQPValue {
        (0..<depth).reduce(AMQPValue.null) { value, level in
            level.isMultiple(of: 2) ? .array([value]) : .table(["k": value])
        }
    }

    @Test(
        "What the protocol cannot carry is refused before anything is sent",
        arguments: [
            ("", AMQPMessage(body: [])),
            (String(repeating: "q", count: 256), AMQPMessage(body: [])),
            ("q", AMQPMessage(body: [UInt8](repeating: 0, count: 101))),
            ("q", AMQPMessage(body: [], messageID: AMQPText(String(repeating: "ä", count: 128)))),
            ("q", AMQPMessage(body: [], contentType: AMQPText(String(repeating: "c", count: 256)))),
            ("q", AMQPMessage(body: [], correlationID: AMQPText(String(repeating: "c", count: 256)))),
            ("q", AMQPMessage(body: [], type: AMQPText(String(repeating: "t", count: 256)))),
            ("q", AMQPMessage(body: [], headers: [AMQPText(String(repeating: "h", count: 256)): true])),
            ("q", AMQPMessage(body: [], headers: ["h": .string(String(repeating: "x", count: 66_000))])),
            ("q", AMQPMessage(body: [], headers: ["h": nested(16)])),
        ]
    )
    func refuses(queue: String, message: AMQPMessage) throws {
        let error = try #require(throws: AMQPError.self) { try message.validate(queue: queue, maximumBodyBytes: 100) }
        #expect(error.code == .invalidArgument)
        #expect(!error.isRetriable)
    }

    @Test("What it can just carry is accepted")
    func accepts() throws {
        let name = String(repeating: "x", count: 255)
        let longest = AMQPText(name)
        try AMQPMessage(
            body: [UInt8](repeating: 0, count: 100),
            messageID: longest,
            contentType: longest,
            correlationID: longest,
            type: longest,
            headers: [longest: .string(longest), "deep": Self.nested(14)]
        ).validate(queue: name, maximumBodyBytes: 100)
    }

    @Test("The size of a table is that of AMQP 0-9-1")
    func sizes() {
        #expect(AMQPValue.encodedSizeBytes(of: [:]) == 4)
        #expect(AMQPValue.encodedSizeBytes(of: ["ab": true]) == 4 + 3 + 2)
        #expect(AMQPValue.encodedSizeBytes(of: ["a": "xyz"]) == 4 + 2 + 5 + 3)
        #expect(AMQPValue.encodedSizeBytes(of: ["a": .array([1, nil])]) == 4 + 2 + 5 + 9 + 1)
        #expect(AMQPValue.encodedSizeBytes(of: ["a": .table(["b": 0.5])]) == 4 + 2 + 1 + (4 + 2 + 9))
    }
}
