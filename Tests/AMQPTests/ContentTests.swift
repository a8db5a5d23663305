import Testing

@testable import AMQP

@Suite struct ContentTests {
    private static func content(limit: Int) -> Content {
        Content(.deliver(.init(tag: 1, isRedelivered: false)), maximumBodyBytes: limit)
    }

    @Test("A body is put together from its frames")
    func assembles() {
        var content = Self.content(limit: 10)
        #expect(!content.isComplete)
        content.add(header: MessageProperties(), bodyBytes: 5)
        content.add(body: [1, 2])
        #expect(!content.isComplete)
        content.add(body: [3, 4, 5])
        #expect(content.isComplete)
        #expect(content.body == [1, 2, 3, 4, 5])
        #expect(!content.isOversized)
    }

    @Test("An empty body is complete with its header")
    func empty() {
        var content = Self.content(limit: 0)
        content.add(header: MessageProperties(), bodyBytes: 0)
        #expect(content.isComplete)
        #expect(!content.isOversized)
    }

    @Test("Whatever length is announced, no more than the limit is kept", arguments: [UInt64(11), 1 << 40, .max])
    func oversized(announced: UInt64) {
        var content = Self.content(limit: 10)
        content.add(header: MessageProperties(), bodyBytes: announced)
        content.add(body: [UInt8](repeating: 7, count: 11))
        #expect(content.isOversized)
        #expect(content.body.isEmpty)
        #expect(content.isComplete == (announced == 11))
    }

    @Test("Bytes beyond the announced length, or before any header, are dropped")
    func surplus() {
        var content = Self.content(limit: 10)
        content.add(body: [9])
        #expect(!content.isComplete)
        content.add(header: MessageProperties(), bodyBytes: 2)
        content.add(body: [1, 2, 3])
        content.add(body: [4])
        #expect(content.isComplete)
        #expect(content.body == [1, 2])
    }
}
