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
            (
                "amqps://host?cacertfile=/etc/a%20b.pem&verify=verify_peer",
                AMQPEndpoint(host: "host", usesTLS: true, certificateAuthoritiesPath: "/etc/a b.pem")
            ),
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
            "amqp://u:secret@host?heartbeat=70000", "amqps://u:secret@host?verify=verify_none",
            "amqps://u:secret@host?cacertfile=ca.pem", "amqps://u:secret@host?cacertfile=",
            "amqps://u:secret@host?verify=",
            "amqp://u:secret@host?cacertfile=/ca.pem", "amqp://u:secret@a,b",
        ]
    )
    func refuses(url: String) throws {
        let error = try #require(throws: AMQPError.self) { try AMQPEndpoint(parsing: url) }
        #expect(error.code == .invalidURL)
        #expect(!error.isRetriable)
        #expect(!"\(error)".contains("secret"))
    }

    @Test(
        "Several URLs are taken apart at the commas before the next scheme",
        arguments: [
            ("amqp://a", [AMQPEndpoint(host: "a")]),
            ("amqp://a,amqps://b", [AMQPEndpoint(host: "a"), AMQPEndpoint(host: "b", usesTLS: true)]),
            ("amqp://a, AMQP://b:1/v", [AMQPEndpoint(host: "a"), AMQPEndpoint(host: "b", port: 1, virtualHost: "v")]),
            (
                "amqp://u:p,q@a,amqp://u:,r@b",
                [
                    AMQPEndpoint(host: "a", user: "u", password: "p,q"),
                    AMQPEndpoint(host: "b", user: "u", password: ",r"),
                ]
            ),
        ]
    )
    func parsesSeveral(urls: String, expected: [AMQPEndpoint]) throws {
        #expect(try AMQPEndpoints(parsing: urls).all == expected)
    }

    @Test(
        "If one of several URLs is unusable all are refused",
        arguments: [
            "amqp://u:secret@a,", ",amqp://u:secret@a", "amqp://u:secret@a,b", "amqp://u:secret@a,,amqp://b",
            "amqp://u:secret@a,amqp://", "amqp://u:secret@a,http://b",
        ]
    )
    func refusesSeveral(urls: String) throws {
        let error = try #require(throws: AMQPError.self) { try AMQPEndpoints(parsing: urls) }
        #expect(error.code == .invalidURL)
        #expect(!"\(error)".contains("secret"))
    }

    @Test("No way of printing several endpoints shows a password")
    func hidesPasswords() throws {
        let endpoints = try AMQPEndpoints(parsing: "amqp://u:secret@a,amqps://u:secret@b")
        #expect(endpoints.redacted == "amqp://u:***@a:5672/,amqps://u:***@b:5671/")
        var dumped = ""
        dump(endpoints, to: &dumped)
        for text in ["\(endpoints)", String(reflecting: endpoints), dumped] {
            #expect(!text.contains("secret"))
        }
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
