import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTPClient

@Suite("An HTTP exchange", .timeLimit(.minutes(5)))
struct WebClientTests {
    @Test(
        "Every status is a response, with header and body; a redirect is not followed",
        arguments: [200, 302, 404, 503]
    )
    func statuses(status: Int) async throws {
        let server = try LoopbackServer { connection in
            _ = try connection.request()
            try connection.write(
                "HTTP/1.1 \(status) Words\r\nLocation: /elsewhere\r\nX-Empty:\r\nX-Twice: a\r\nx-twice: \t b c \r\n"
                    + "Content-Length: 5\r\n\r\nhello"
            )
        }
        defer { server.stop() }
        let sink = TestSink()
        let response = try await WebClient().send(WebRequest(.get, server.url("/a/../b?c=%20d")), into: sink)
        #expect(response.status == status && response.contentLength == 5)
        #expect(response.headers["LOCATION"] == Array("/elsewhere".utf8))
        #expect(response.headers["x-empty"] == [])
        #expect(response.headers["absent"] == nil)
        let twice = response.headers.fields.filter {
            String(decoding: $0.name, as: UTF8.self).lowercased() == "x-twice"
        }
        #expect(twice.map(\.value) == [Array("a".utf8), Array("b c".utf8)])
        #expect(sink.text == "hello" && sink.responses == [response])
        #expect(server.connections == 1)
    }

    @Test("Interim responses are not told, chunks are joined, and trailers are no part of the header")
    func interim() async throws {
        let server = try LoopbackServer { connection in
            _ = try connection.request()
            try connection.write(
                "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
                    + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Late: 1\r\n\r\n"
                    + "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
            )
        }
        defer { server.stop() }
        let sink = TestSink()
        let response = try await WebClient().send(WebRequest(.get, server.url()), into: sink)
        #expect(response.status == 200 && response.contentLength == nil && sink.text == "abcde")
        #expect(response.headers["x-late"] != nil)
        #expect(response.headers["x-early"] == nil && response.headers["x-trailer"] == nil)
        #expect(sink.responses == [response])
    }

    private func received(_ request: (LoopbackServer) -> WebRequest) async throws -> (head: String, body: [UInt8]) {
        let got = Mutex<(head: String, body: [UInt8])>(("", []))
        let server = try LoopbackServer { connection in
            let request = try connection.request()
            got.withLock { $0 = request }
            try connection.write("HTTP/1.1 204 No Content\r\n\r\n")
        }
        defer { server.stop() }
        let response = try await WebClient().send(request(server), into: TestSink())
        #expect(response.status == 204)
        return got.withLock { $0 }
    }

    @Test("A body of bytes and the header fields arrive as they are, and nothing is added that was not asked for")
    func posted() async throws {
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let (head, got) = try await received { server in
            WebRequest(
                .post,
                server.url("/hook/../x?t=1"),
                headers: ["content-type": "application/json", "x-empty": "", "x-bytes": "caf\u{e9}"],
                body: .bytes(body)
            )
        }
        #expect(got == body)
        let lines = head.components(separatedBy: "\r\n")
        #expect(lines.first == "POST /hook/../x?t=1 HTTP/1.1")
        #expect(lines.contains("content-type: application/json") && lines.contains("x-bytes: café"))
        #expect(lines.contains("x-empty:"))
        let names = Set(lines.dropFirst().compactMap { $0.split(separator: ":").first?.lowercased() })
        #expect(names == ["host", "accept", "content-type", "x-empty", "x-bytes", "content-length"])
    }

    @Test("A part of a file is sent, wherever the descriptor stands")
    func file() async throws {
        let path = NSTemporaryDirectory() + "http-client-\(UUID().uuidString)"
        defer { unlink(path) }
        let content = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        try content.write(to: URL(filePath: path))
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        lseek(descriptor, 17, SEEK_SET)
        let (head, body) = try await received { server in
            WebRequest(.put, server.url(), body: .file(descriptor: descriptor, offset: 1000, count: 2_500_000))
        }
        #expect(head.hasPrefix("PUT / HTTP/1.1\r\n") && head.contains("Content-Length: 2500000\r\n"))
        #expect(!head.lowercased().contains("expect:"))
        #expect(body == Array(content[1000..<2_501_000]))
        #expect(lseek(descriptor, 0, SEEK_CUR) == 17)
    }

    @Test("A file that is shorter than was said is an error")
    func shortFile() async throws {
        let path = NSTemporaryDirectory() + "http-client-\(UUID().uuidString)"
        defer { unlink(path) }
        try Data(repeating: 1, count: 100_000).write(to: URL(filePath: path))
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let server = try LoopbackServer { _ = try $0.request() }
        defer { server.stop() }
        let error = await failure(
            of: WebRequest(.put, server.url(), body: .file(descriptor: descriptor, offset: 0, count: 100_001))
        )
        #expect(error?.code == .unreadableBody && error?.isRetriable == false)
    }

    @Test("HEAD has no body whatever the header says, DELETE no request body, and an empty POST says its length")
    func methods() async throws {
        let heads = Mutex<[String]>([])
        let server = try LoopbackServer { connection in
            let head = try connection.request().head
            heads.withLock { $0.append(head) }
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(head.hasPrefix("HEAD") ? 1 << 40 : 0)\r\n\r\n")
        }
        defer { server.stop() }
        let head = try await WebClient().send(WebRequest(.head, server.url()), into: TestSink())
        #expect(head.contentLength == 1 << 40)
        for method in [WebRequest.Method.delete, .post] {
            _ = try await WebClient().send(WebRequest(method, server.url()), into: TestSink())
        }
        let seen = heads.withLock { $0 }
        try #require(seen.map { $0.prefix(7) } == ["HEAD / ", "DELETE ", "POST / "])
        #expect(!seen[1].contains("Content-Length") && seen[2].contains("Content-Length: 0\r\n"))
    }

    @Test(
        "A request that could mean something else is refused before any connection",
        arguments: [
            "", "/path", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http:///x",
            "http://name:hunter2@127.0.0.1/",
            "http://127.0.0.1/a b", "http://127.0.0.1/\0", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/é",
        ]
    )
    func invalidURL(url: String) async {
        let error = await failure(of: WebRequest(.get, Array(url.utf8)))
        #expect(error?.code == .invalidRequest && error?.isRetriable == false)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test(
        "A header field that could begin another line is refused",
        arguments: [
            ("x", "a\r\nHost: b"), ("x", "a\0b"), ("x", "a\nb"), ("x y", "a"), ("", "a"), ("x:", "a"), ("x\r\n", "a"),
        ]
    )
    func invalidHeader(name: String, value: String) async throws {
        let server = try LoopbackServer { _ = try $0.request() }
        defer { server.stop() }
        var request = WebRequest(.get, server.url())
        request.headers.add(name, value)
        #expect(await failure(of: request)?.code == .invalidRequest)
        #expect(server.connections == 0)
    }
}
