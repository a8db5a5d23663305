import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTPClient

/// Limits that these tests do not reach are an hour, so that a test that waits for the wrong one does not end in time.
private let patient = WebTimeouts(connect: .seconds(3600), idle: .seconds(3600))

@Suite("An HTTP exchange that fails", .timeLimit(.minutes(5)))
struct WebFailureTests {
    /// Serves one text to each connection, and then what `next` does.
    private func server(
        _ text: String,
        _ next: @escaping @Sendable (ServerConnection) throws -> Void = { _ in }
    ) throws -> LoopbackServer {
        try LoopbackServer { connection in
            _ = try connection.request()
            try connection.write(text)
            try next(connection)
        }
    }

    @Test("A port that nobody listens on is told as such")
    func refused() async throws {
        let server = try LoopbackServer { _ in }
        server.stop()
        let error = await failure(of: WebRequest(.get, server.url("/hook/hunter2"), timeouts: patient))
        #expect(error?.code == .connectionFailed && error?.isRetriable == true)
        #expect(error?.isUnreachable == true)
        #expect(error?.message.hasPrefix("http://127.0.0.1:\(server.port): ") == true)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test("An address that the request refuses gets no connection; another of the same host does")
    func refusedAddress() async throws {
        let server = try LoopbackServer { connection in
            _ = try connection.request()
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        defer { server.stop() }
        let asked = Mutex<[[UInt8]]>([])
        var request = WebRequest(.get, server.url("/hunter2"), timeouts: patient)
        request.addressRefusal = { address in
            asked.withLock { $0.append(address) }
            return "it is \(address)"
        }
        let error = await failure(of: request)
        #expect(error?.code == .refusedAddress && error?.isRetriable == false)
        #expect(error?.message.hasSuffix("it is [127, 0, 0, 1]") == true)
        #expect(error?.message.contains("hunter2") == false)
        #expect(asked.withLock { $0 } == [[127, 0, 0, 1]] && server.connections == 0)
        request.url = Array("http://host.example:\(server.port)/".utf8)
        request.addressRefusal = { $0.count == 16 ? "no IPv6" : nil }
        let client = WebClient(resolver: { _ in ["::1", "127.0.0.1"] })
        _ = try await client.send(request, into: TestSink())
        #expect(server.connections == 1)
    }

    @Test("A name that does not exist is told as such")
    func unknownHost() async {
        let error = await failure(of: WebRequest(.get, Array("http://no-such-host.invalid/hunter2".utf8)))
        #expect(error?.code == .unknownHost && error?.isRetriable == true)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test(
        "A name that does not exist is no host that is away, and one that nobody can look up now is",
        arguments: [
            (EAI_NONAME, false), (-5, false), (EAI_FAIL, false), (EAI_AGAIN, true), (EAI_SYSTEM, true), (0, true),
        ]
            as [(CInt, Bool)]
    )
    func lookups(status: CInt, isAway: Bool) async {
        let asked = Mutex<[String]>([])
        var client = WebClient()
        client.lookup = { host in
            asked.withLock { $0.append(host) }
            return HostLookup(status: status)
        }
        let request = WebRequest(.get, Array("http://no-such-host.invalid:81/hunter2".utf8))
        let error = await #expect(throws: WebError.self) { try await client.send(request, into: TestSink()) }
        #expect(error?.code == .unknownHost && error?.isUnreachable == isAway)
        #expect(error?.message.contains("hunter2") == false)
        #expect(error?.message.contains("name servers") == isAway)
        #expect(asked.withLock { $0 } == ["no-such-host.invalid"])
    }

    @Test("The system tells names that are there, and none of a request that was cancelled")
    func systemLookup() async {
        #expect(await HostLookup.system("localhost") == .found)
        #expect(await HostLookup.system("127.0.0.1") == .found)
        // No dot, no letters and digits alone: no name server is asked.
        #expect(await HostLookup.system("..") == .unknown)
    }

    @Test(
        "A server that falls silent is left after the idle time, wherever it does",
        arguments: ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"]
    )
    func silent(text: String) async throws {
        let server = try server(text) { try $0.waitForEnd() }
        defer { server.stop() }
        let timeouts = WebTimeouts(connect: .seconds(3600), idle: .milliseconds(100))
        let error = await failure(of: WebRequest(.get, server.url(), timeouts: timeouts))
        #expect(error?.code == .timedOut && error?.isRetriable == true && error?.isUnreachable == false)
    }

    @Test("A server that takes no more of the request is left after the idle time")
    func takesNothing() async throws {
        let left = DispatchSemaphore(value: 0)
        let server = try LoopbackServer { _ in left.wait() }
        defer { server.stop() }
        let timeouts = WebTimeouts(connect: .seconds(3600), idle: .milliseconds(200))
        let body = WebRequest.Body.bytes([UInt8](repeating: 1, count: 64 << 20))
        let error = await failure(of: WebRequest(.put, server.url(), body: body, timeouts: timeouts))
        left.signal()
        #expect(error?.code == .timedOut)
    }

    @Test("A server that says a byte now and then is not idle, and the total time ends it")
    func trickle() async throws {
        let server = try server("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n") { connection in
            while true {
                try connection.write("x")
                usleep(20_000)
            }
        }
        defer { server.stop() }
        let sink = TestSink()
        let timeouts = WebTimeouts(connect: .seconds(3600), idle: .seconds(20), total: .milliseconds(500))
        let error = await failure(of: WebRequest(.get, server.url(), timeouts: timeouts), into: sink)
        #expect(error?.code == .timedOut)
        #expect(sink.responses.map(\.status) == [200] && sink.bytes.count > 1)
    }

    @Test("A connection that is never ready is left after the connect time: a TLS handshake that nobody answers")
    func handshake() async throws {
        let server = try LoopbackServer { try $0.waitForEnd() }
        defer { server.stop() }
        let timeouts = WebTimeouts(connect: .milliseconds(100), idle: .seconds(3600))
        let url = Array("https://127.0.0.1:\(server.port)/".utf8)
        let error = await failure(of: WebRequest(.get, url, timeouts: timeouts))
        #expect(error?.code == .timedOut && error?.message.contains("connection") == true)
        #expect(error?.isUnreachable == true)
    }

    @Test(
        "An endless header is refused, by its bytes and by its fields, also when it is interim",
        arguments: [
            "X-Long: \(String(repeating: "a", count: 1000))\r\n", "X: y\r\n", "\r\nHTTP/1.1 103 Early Hints\r\n",
        ]
    )
    func endlessHeader(piece: String) async throws {
        let server = try server("HTTP/1.1 103 Early Hints\r\n") { connection in
            while true { try connection.write(piece) }
        }
        defer { server.stop() }
        let sink = TestSink()
        let error = await failure(of: WebRequest(.get, server.url(), timeouts: patient), into: sink)
        #expect(error?.code == .headerTooLarge && error?.isRetriable == false)
        #expect(sink.responses.isEmpty)
    }

    @Test("One line that is longer than libcurl keeps is a header that is too large, and no lack of memory")
    func longLine() async throws {
        let line = "X-Long: \(String(repeating: "a", count: 200_000))\r\n\r\n"
        let server = try server("HTTP/1.1 200 OK\r\n") { try $0.write(line) }
        defer { server.stop() }
        let sink = TestSink()
        let error = await failure(of: WebRequest(.get, server.url(), timeouts: patient), into: sink)
        #expect(error?.code == .headerTooLarge && error?.isRetriable == false && error?.isUnreachable == false)
        #expect(
            error?.message.hasSuffix(": the response's header is too large") == true,
            "\(String(describing: error))"
        )
        #expect(sink.responses.isEmpty)
    }

    @Test("An endless body is refused at its limit, and one that says how long it is at once")
    func endlessBody() async throws {
        let server = try server("HTTP/1.1 200 OK\r\n\r\n") { connection in
            while true { try connection.write([UInt8](repeating: 1, count: 1000)) }
        }
        defer { server.stop() }
        let limits = WebResponseLimits(bodyBytes: 10_000)
        let sink = TestSink()
        let error = await failure(
            of: WebRequest(.get, server.url(), timeouts: patient, limits: limits),
            into: sink
        )
        #expect(error?.code == .bodyTooLarge && error?.isRetriable == false)
        #expect(sink.bytes.count <= 10_000)

        let honest = try self.server("HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n") { try $0.waitForEnd() }
        defer { honest.stop() }
        let head = TestSink()
        let other = await failure(of: WebRequest(.get, honest.url(), timeouts: patient, limits: limits), into: head)
        #expect(other?.code == .bodyTooLarge)
        #expect(head.responses.map(\.status) == [200] && head.bytes.isEmpty)
    }

    @Test("A body of exactly the limit is taken")
    func fullBody() async throws {
        let server = try server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")
        defer { server.stop() }
        let sink = TestSink()
        let limits = WebResponseLimits(bodyBytes: 10)
        _ = try await WebClient().send(WebRequest(.get, server.url(), timeouts: patient, limits: limits), into: sink)
        #expect(sink.text == "0123456789")
    }

    @Test("A sink can refuse the response, and its rest; its error is the cause", arguments: [0, 5])
    func refusedBySink(maximumBytes: Int) async throws {
        let server = try server("HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\n0123456789") {
            try $0.waitForEnd()
        }
        defer { server.stop() }
        let sink = TestSink(refusesStatus: maximumBytes == 0 ? 404 : nil, maximumBytes: maximumBytes)
        let error = await failure(of: WebRequest(.get, server.url(), timeouts: patient), into: sink)
        #expect(error?.code == .refusedBySink)
        let reason = maximumBytes == 0 ? "status 404" : "full"
        #expect(error?.cause as? TestSink.Refusal == TestSink.Refusal(reason: reason))
        #expect(sink.responses.map(\.status) == [404])
        #expect(sink.text == (maximumBytes == 0 ? "" : "0123456789"))
    }

    @Test(
        "A connection that ends too early may be tried again",
        arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"]
    )
    func interrupted(text: String) async throws {
        let server = try server(text)
        defer { server.stop() }
        let error = await failure(of: WebRequest(.get, server.url(), timeouts: patient))
        #expect(error?.code == .interrupted && error?.isRetriable == true)
    }

    @Test("A server that leaves in the middle of the request ends nothing but the exchange")
    func brokenPipe() async throws {
        let server = try LoopbackServer { _ = try $0.read(upTo: 10) }
        defer { server.stop() }
        let body = WebRequest.Body.bytes([UInt8](repeating: 1, count: 64 << 20))
        let error = await failure(of: WebRequest(.put, server.url(), body: body, timeouts: patient))
        #expect(error?.code == .interrupted && error?.isRetriable == true)
    }

    @Test("An answer that is not HTTP is told as such", arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "<html>\n"])
    func notHTTP(text: String) async throws {
        let server = try server(text)
        defer { server.stop() }
        let error = await failure(of: WebRequest(.get, server.url(), timeouts: patient))
        #expect(error?.code == .malformedResponse)
    }

    @Test("A cancelled task ends its exchange at once: before the connection, before the answer, and in the body")
    func cancelled() async throws {
        for text in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"] {
            let reached = AsyncStream.makeStream(of: Void.self)
            let server = try server(text) { connection in
                reached.continuation.yield()
                try connection.waitForEnd()
            }
            defer { server.stop() }
            let request = WebRequest(.get, server.url(), timeouts: patient)
            let exchange = Task { await failure(of: request) }
            _ = await reached.stream.first { _ in true }
            exchange.cancel()
            let error = await exchange.value
            #expect(error?.code == .cancelled && error?.isRetriable == true)
        }
        let unreached = try LoopbackServer { _ in }
        defer { unreached.stop() }
        let request = WebRequest(.get, unreached.url(), timeouts: patient)
        let never = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await failure(of: request)
        }
        #expect(await never.value?.code == .cancelled)
        #expect(unreached.connections == 0)
    }

    @Test("Many exchanges at once do not wait for each other")
    func manyAtOnce() async throws {
        let servers = try (0..<20).map { number in
            try server("HTTP/1.1 200 OK\r\n\r\n\(number)")
        }
        defer { for server in servers { server.stop() } }
        let texts = try await withThrowingTaskGroup(of: String.self) { group in
            for server in servers {
                group.addTask {
                    let sink = TestSink()
                    _ = try await WebClient().send(WebRequest(.get, server.url(), timeouts: patient), into: sink)
                    return sink.text
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(texts == Set((0..<20).map { "\($0)" }))
    }
}

@Suite("HTTP with TLS", .timeLimit(.minutes(5)))
struct WebTLSTests {
    /// A server of OpenSSL's with a certificate of the test's own.
    private func serving(
        subjects: [String],
        arguments: [String] = [],
        _ body: (_ port: String, _ certificates: TestCertificates) async throws -> Void
    ) async throws {
        let directory = try ScratchDirectory.make("http-tls")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let certificates = try await TestCertificates.make("server", in: directory, subjects: subjects)
        let server = try PipedProcess(
            "/usr/bin/openssl",
            ["s_server", "-accept", "127.0.0.1:0", "-cert", certificates.certificate, "-key", certificates.key, "-www"]
                + arguments,
            environment: [:]
        )
        defer { server.end(withinMilliseconds: 0) }
        var port: String?
        while port == nil, let line = await server.line(withinMilliseconds: 60_000) {
            if line.hasPrefix("ACCEPT ") { port = line.split(separator: ":").last.map(String.init) }
        }
        try await body(try #require(port), certificates)
    }

    @Test("A certificate that nobody vouches for is not trusted; with its authority's file it is")
    func authority() async throws {
        try await serving(subjects: ["IP:127.0.0.1"]) { port, certificates in
            let request = WebRequest(.get, Array("https://127.0.0.1:\(port)/hunter2".utf8), timeouts: patient)
            let error = await failure(of: request)
            #expect(error?.code == .untrusted && error?.isRetriable == false)
            #expect(error?.message.contains("hunter2") == false)
            let sink = TestSink()
            let client = WebClient(authoritiesFile: certificates.authority)
            let response = try await client.send(request, into: sink)
            #expect(response.status == 200)
            #expect(sink.text.contains("TLSv1."))
        }
    }

    @Test("A certificate for another host is not trusted, whoever vouches for it")
    func otherHost() async throws {
        try await serving(subjects: ["DNS:other.example"]) { port, certificates in
            let client = WebClient(authoritiesFile: certificates.authority)
            let request = WebRequest(.get, Array("https://127.0.0.1:\(port)/".utf8), timeouts: patient)
            #expect(await failure(of: request, client)?.code == .untrusted)
        }
    }

    @Test("A server that knows only TLS 1.1 is not spoken to")
    func oldTLS() async throws {
        try await serving(subjects: ["IP:127.0.0.1"], arguments: ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]) {
            port,
            certificates in
            let client = WebClient(authoritiesFile: certificates.authority)
            let request = WebRequest(.get, Array("https://127.0.0.1:\(port)/".utf8), timeouts: patient)
            #expect(await failure(of: request, client)?.code == .connectionFailed)
        }
    }

    @Test("An authorities file that does not exist, as while it is replaced, says nothing against the server")
    func missingAuthorities() async throws {
        let client = WebClient(authoritiesFile: "/nonexistent/ca.pem")
        let server = try LoopbackServer { try $0.waitForEnd() }
        defer { server.stop() }
        let request = WebRequest(.get, Array("https://127.0.0.1:\(server.port)/".utf8), timeouts: patient)
        let error = await failure(of: request, client)
        #expect(error?.code == .outOfResources && error?.isRetriable == true && error?.isUnreachable == false)
        #expect(error?.message.contains("TLS_CA_FILE") == true)
    }
}
