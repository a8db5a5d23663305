import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTPClient

@Suite("Connections that are kept", .timeLimit(.minutes(5)))
struct WebConnectionsTests {
    /// Answers all requests of a connection with their own bodies, up to so many; then it closes the connection without
    /// a word of that before.
    private static func echo(
        requestsPerConnection limit: Int = .max,
        seen: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> LoopbackServer {
        try LoopbackServer(isParallel: true) { connection in
            for _ in 0..<limit {
                let (head, body) = try connection.request()
                seen(head)
                try connection.write(Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
            }
        }
    }

    /// Runs `body` with a client that keeps connections, which are closed before the server is stopped.
    private func with(
        _ server: LoopbackServer,
        _ connections: WebConnections? = WebConnections(),
        _ body: (WebClient) async throws -> Void
    ) async throws {
        defer {
            connections?.closeIdle()
            server.stop()
        }
        try await body(WebClient(connections: connections))
    }

    @Test("serve one exchange after another, of any method, and each has its own answer")
    func reuse() async throws {
        let server = try Self.echo()
        try await with(server) { client in
            for number in 0..<6 {
                let body = [UInt8](repeating: UInt8(number), count: number * 100_000)
                let request = WebRequest(
                    number == 5 ? .get : number.isMultiple(of: 2) ? .put : .post,
                    server.url("/\(number)"),
                    body: number == 5 ? nil : .bytes(body)
                )
                let sink = TestSink()
                _ = try await client.send(request, into: sink)
                #expect(sink.bytes == (number == 5 ? [] : body))
            }
            #expect(server.connections == 1 && client.connections?.idleCount == 1)
        }
    }

    @Test("are none where a client has no place for them")
    func none() async throws {
        let server = try Self.echo()
        try await with(server, nil) { client in
            for _ in 0..<3 { _ = try await client.send(WebRequest(.get, server.url()), into: TestSink()) }
            #expect(server.connections == 3)
        }
    }

    @Test("may be closed by the server at any time: the request goes out on a new one, whole", arguments: [1, 2])
    func closed(requestsPerConnection: Int) async throws {
        let server = try Self.echo(requestsPerConnection: requestsPerConnection)
        try await with(server) { client in
            let path = NSTemporaryDirectory() + "http-client-\(UUID().uuidString)"
            defer { unlink(path) }
            let content = Data((0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
            try content.write(to: URL(filePath: path))
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            defer { close(descriptor) }
            for number in 0..<6 {
                let sink = TestSink()
                let request = WebRequest(
                    .put,
                    server.url(),
                    body: .file(descriptor: descriptor, offset: Int64(number), count: 600_000)
                )
                _ = try await client.send(request, into: sink)
                #expect(sink.bytes == Array(content[number..<600_000 + number]))
            }
            #expect(server.connections == 6 / requestsPerConnection)
        }
    }

    /// Answers the first request of a connection, and reads the next without an answer.
    private static func silentSecond(_ posts: PostCounter) throws -> LoopbackServer {
        try LoopbackServer(isParallel: true) { connection in
            for isFirst in [true, false] {
                let (head, _) = try connection.request()
                let isPost = head.hasPrefix("POST")
                if isPost { posts.count.add(1, ordering: .relaxed) }
                guard isFirst, !isPost else { return }
                try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
    }

    private final class PostCounter: Sendable { let count = Atomic(0) }

    @Test("carry no request that must not be sent twice; any other is sent once more when no answer comes")
    func notTwice() async throws {
        let posts = PostCounter()
        let server = try Self.silentSecond(posts)
        try await with(server) { client in
            for _ in 0..<2 { _ = try await client.send(WebRequest(.get, server.url()), into: TestSink()) }
            #expect(server.connections == 2 && client.connections?.idleCount == 1)
            var request = WebRequest(.post, server.url(), body: .bytes([1, 2, 3]))
            request.needsNewConnection = true
            let error = await #expect(throws: WebError.self) { try await client.send(request, into: TestSink()) }
            #expect(error?.code == .interrupted)
            #expect(posts.count.load(ordering: .relaxed) == 1)
        }
    }

    @Test("are not for requests that look at addresses, and not for another server")
    func others() async throws {
        let (server, other) = (try Self.echo(), try Self.echo())
        try await with(other) { _ in
            try await with(server) { client in
                var request = WebRequest(.get, server.url())
                _ = try await client.send(request, into: TestSink())
                _ = try await client.send(WebRequest(.get, other.url()), into: TestSink())
                #expect(server.connections == 1 && other.connections == 1)
                let asked = Mutex(0)
                request.addressRefusal = { _ in
                    asked.withLock { $0 += 1 }
                    return nil
                }
                for _ in 0..<2 { _ = try await client.send(request, into: TestSink()) }
                #expect(asked.withLock { $0 } == 2 && server.connections == 3)
                #expect(client.connections?.idleCount == 2)
            }
        }
    }

    @Test("are not those of exchanges that failed")
    func failures() async throws {
        let server = try Self.echo()
        try await with(server) { client in
            let request = WebRequest(.put, server.url(), body: .bytes([UInt8](repeating: 7, count: 100_000)))
            for sink in [TestSink(refusesStatus: 200), TestSink(maximumBytes: 10)] {
                await #expect(throws: WebError.self) { try await client.send(request, into: sink) }
            }
            #expect(client.connections?.idleCount == 0 && server.connections == 2)
        }
    }

    @Test("are bounded in number and in time")
    func bounds() async throws {
        let time = Mutex(ContinuousClock.now)
        let connections = WebConnections(
            maximumIdle: 2,
            longestIdle: .seconds(30),
            now: { time.withLock { $0 } }
        )
        let servers = try (0..<3).map { _ in try Self.echo() }
        defer { for server in servers { server.stop() } }
        let client = WebClient(connections: connections)
        for server in servers { _ = try await client.send(WebRequest(.get, server.url()), into: TestSink()) }
        #expect(connections.idleCount == 2)
        time.withLock { $0 += .seconds(29) }
        _ = try await client.send(WebRequest(.get, servers[2].url()), into: TestSink())
        #expect(servers.map(\.connections) == [1, 1, 1])
        time.withLock { $0 += .seconds(31) }
        _ = try await client.send(WebRequest(.get, servers[2].url()), into: TestSink())
        #expect(servers.map(\.connections) == [1, 1, 2] && connections.idleCount == 1)
        connections.closeIdle()
        #expect(connections.idleCount == 0)
    }
}
