import AMQP
import Testing

@Suite struct EndpointTests {
    @Test(
        "A broker URL is taken apart",
        arguments: [
            ("amqp://localhost", AMQPEndpoint(host: "localhost")),
            ("amqp://localhost/", AMQPEndpoint(host: "localhost")),
            ("amqp://localhost/%2F", AMQPEndpoint(host: "localhost")),
            ("AMQP://10.0.0.1:1234/media", AMQPEndpoint(host: "10.0.0.1", port: 1234, virtualHost: "media")),
            ("amqps://host", AMQPEndpoint(host: "host", port: 5671, usesTLS: true)),
            ("amqps://host:5672", AMQPEndpoint(host: "host", port: 5672, usesTLS: true)),
            ("amqp://user@host", AMQPEndpoint(host: "host", user: "user")),
            ("amqp://a%40b:p%3Aw%2f%25@host", AMQPEndpoint(host: "host", user: "a@b", password: "p:w/%")),
            (
                "amqp://u:p@ss:w/rd@host/v",
                AMQPEndpoint(host: "host", virtualHost: "v", user: "u", password: "p@ss:w/rd")
            ),
            ("amqp://u:@host", AMQPEndpoint(host: "host", user: "u", password: "")),
            ("amqp://[::1]:5673/%C3%A4", AMQPEndpoint(host: "::1", port: 5673, virtualHost: "ä")),
            ("amqp://[fe80::1]", AMQPEndpoint(host: "fe80::1")),
            ("amqp://host?heartbeat=7&frame_max=1", AMQPEndpoint(host: "host", heartbeatSeconds: 7)),
            ("amqp://host/v?locale=x", AMQPEndpoint(host: "host", virtualHost: "v")),
        ]
    )
    func parses(url: String, expected: AMQPEndpoint) throws {
        #expect(try AMQPEndpoint(parsing: url) == expected)
    }

    @Test(
        "An unusable URL is refused without repeating its password",
        arguments: [
            "", "host", "http://host", "amqp:/host", "amqp://", "amqp://u:secret@", "amqp://u:secret@:5672",
            "amqp://u:secret@host:0", "amqp://u:secret@host:65536", "amqp://u:secret@host:x", "amqp://u:secret@[::1",
            "amqp://u:secret@[::1]x", "amqp://u:secret%zz@host", "amqp://u:secret%4@host", "amqp://u:secret%ff@host",
            "amqp://u:secret%00@host", "amqp://u:secret@host/a/b", "amqp://u:secret@host?heartbeat=-1",
            "amqp://u:secret@host?heartbeat=70000",
        ]
    )
    func refuses(url: String) throws {
        let error = try #require(throws: AMQPError.self) { try AMQPEndpoint(parsing: url) }
        #expect(error.code == .invalidURL)
        #expect(!error.isRetriable)
        #expect(!"\(error)".contains("secret"))
    }

    @Test("No way of printing an endpoint shows its password")
    func hidesPassword() throws {
        let endpoint = try AMQPEndpoint(parsing: "amqps://user:secret@[::1]:1/media")
        #expect(endpoint.redacted == "amqps://user:***@[::1]:1/media")
        var dumped = ""
        dump(endpoint, to: &dumped)
        for text in ["\(endpoint)", String(reflecting: endpoint), dumped] {
            #expect(!text.contains("secret"))
        }
    }
}
