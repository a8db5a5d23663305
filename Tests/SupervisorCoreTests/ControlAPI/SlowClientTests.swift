import JobModel
import NIOCore
import Testing

@testable import SupervisorCore

/// Clients that take their time. Limits are short here, so that the server's answer is soon to be seen.
@Suite(.timeLimit(.minutes(10)))
struct SlowClientTests {
    private let tree = FakeTree()

    private var short: StatusServer.Limits {
        var limits = StatusServer.Limits()
        limits.idle = .milliseconds(200)
        limits.read = .milliseconds(200)
        limits.write = .milliseconds(200)
        limits.eventInterval = .milliseconds(1)
        return limits
    }

    @Test("Connections that never finish a request are closed, and others are served meanwhile")
    func unfinished() async throws {
        try await tree.serving(limits: short) { port in
            var connections: [RawConnection] = []
            for index in 0..<100 {
                let connection = try RawConnection(port: port)
                switch index % 3 {
                case 0: break
                case 1: try connection.write("GET /health HTTP/1.1\r\nHost: 127.0.0.1")
                default:
                    try connection.write("POST /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
                }
                connections.append(connection)
            }
            let health = try await RawHTTP(port: port).send("GET", "/health")
            #expect(health.status == 200)
            // Each ends, which only the server can have done.
            for connection in connections { _ = try await connection.readToEnd() }
        }
    }

    @Test("More connections than are served at a time wait, and are served when others end")
    func manyConnections() async throws {
        var limits = short
        limits.connections = 4
        try await tree.serving(limits: limits) { port in
            var silent: [RawConnection] = []
            for _ in 0..<8 { silent.append(try RawConnection(port: port)) }
            let health = try await RawHTTP(port: port).send("GET", "/health")
            #expect(health.status == 200)
            for connection in silent { #expect(try await connection.readToEnd() == []) }
        }
    }

    @Test("Headers without an end are refused")
    func longHeaders() async throws {
        try await tree.serving { port in
            let http = RawHTTP(port: port)
            let long = try await http.send("GET", "/health", ["X-Long": String(repeating: "x", count: 100_000)])
            #expect(long.status >= 400)
        }
    }

    @Test("A listener that does not read is closed, and others hear on")
    func deafListener() async throws {
        try await tree.serving(limits: short) { port in
            let request = "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            let (deaf, keen) = (try RawConnection(port: port, receiveBufferBytes: 1), try RawConnection(port: port))
            try deaf.write(request)
            try keen.write(request)
            // Many changes of a large document, more than the kernel's buffers hold.
            for change in 1...32 {
                let text = "change \(change). " + String(repeating: "x", count: 1 << 18)
                tree.change { $0.facts.brokerProblem = text }
                _ = try await keen.read(until: "change \(change). ")
            }
            let end = try await deaf.readToEnd()
            #expect(end.count < 32 << 18)
        }
    }

    @Test("Listeners hear the state at once and every change, and are refused beyond a number")
    func events() async throws {
        try await tree.serving(limits: short) { port in
            var listeners: [RawConnection] = []
            for _ in 0..<EventFeed.maximumListeners {
                let listener = try RawConnection(port: port)
                try listener.write("GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                let first = try await listener.read(until: "\n\n")
                #expect(first.contains("event: overview\ndata: {"))
                listeners.append(listener)
            }
            let oneMore = try await RawHTTP(port: port).send("GET", "/events")
            #expect(oneMore.status == 503)
            tree.change { $0.facts.brokerProblem = "it went" }
            for listener in listeners { _ = try await listener.read(until: "the broker is away: it went") }
        }
    }
}
