import Foundation
import Synchronization
import TestSupport

/// An HTTP server of one file, which is wrong in one way for each path.
final class FaultyOrigin: Sendable {
    let content: [UInt8]
    private let server: LoopbackServer
    private let log: Log

    /// A request as it came.
    struct Request: Sendable {
        var path: String
        /// In lower case, without the request line.
        var fields: [String: String]
        /// Where the asked range begins; nil for the whole.
        var start: Int? {
            guard let range = fields["range"], range.hasPrefix("bytes=") else { return nil }
            return Int(range.dropFirst(6).prefix { $0 != "-" })
        }
        /// The last byte of the asked range; nil for the end.
        var last: Int? {
            fields["range"].flatMap { Int(String($0.reversed().prefix { $0 != "-" }.reversed())) }
        }
    }

    private final class Log: Sendable {
        let requests = Mutex<[Request]>([])
    }

    var requests: [Request] { log.requests.withLock { $0 } }
    var connections: Int { server.connections }
    var port: Int { server.port }

    func url(_ path: String) -> String { "http://127.0.0.1:\(server.port)\(path)" }

    init(_ content: [UInt8]) throws {
        let log = Log()
        self.content = content
        self.log = log
        server = try LoopbackServer { connection in
            let request = FaultyOrigin.parse(try connection.request().head)
            let earlier = log.requests.withLock { requests in
                defer { requests.append(request) }
                return requests.count { $0.path == request.path }
            }
            try FaultyAnswer(content: content, request: request, earlier: earlier, connection: connection).send()
        }
    }

    func stop() { server.stop() }

    private static func parse(_ head: String) -> Request {
        let lines = head.split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let name = line.prefix { $0 != ":" }
            fields[name.lowercased()] = line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
        }
        let target = words.count > 1 ? String(words[1]) : "/"
        return Request(path: String(target.prefix { $0 != "?" }), fields: fields)
    }
}

/// The answer to one request.
private struct FaultyAnswer {
    let content: [UInt8]
    let request: FaultyOrigin.Request
    /// Requests for the same path before this one.
    let earlier: Int
    let connection: ServerConnection

    private var half: Int { content.count / 2 }
    private static let tag = "ETag: \"v1\""

    func send() throws {
        switch request.path {
        case "/whole", "/no-total": try serve()
        case "/one-at-a-time":
            // The first range and the whole come; more ranges are too many.
            guard let last = request.last, last < content.count - 1, (request.start ?? 0) > 0 else {
                return try serve()
            }
            try answer(503, ["Retry-After: 7", "Content-Length: 0"], [])
        case "/whole-after-first":
            if request.start ?? 0 > 0 {
                try answer(200, [Self.tag, length], content)
            } else {
                try serve()
            }
        case "/another-after-first":
            if request.start ?? 0 > 0 { try part(from: request.start ?? 0, tag: "ETag: \"v2\"") } else { try serve() }
        case "/longer-ranges":
            guard let start = request.start, start > 0 else { return try serve() }
            let fields = [
                Self.tag, "Content-Range: bytes \(start)-\(content.count - 1)/\(content.count)",
                "Content-Length: \(content.count - start)",
            ]
            try answer(206, fields, Array(content[start...]))
        case "/weak": try serve(tag: "ETag: W/\"v1\"")
        case "/dated":
            try serve(tag: "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 08:49:39 GMT")
        case "/no-length": try answer(200, [], content)
        case "/cut-length": try answer(200, ["Content-Length: \(content.count)"], Array(content[..<half]))
        case "/cut-length-once":
            if request.start == nil, earlier < 1 {
                try answer(200, ["Content-Length: \(content.count)", Self.tag], Array(content[..<half]))
            } else {
                try serve()
            }
        case "/cut-chunked":
            let chunk = Array("\(String(half, radix: 16))\r\n".utf8) + content[..<half] + Array("\r\n".utf8)
            try answer(200, ["Transfer-Encoding: chunked"], chunk)
        case "/cut-close-with-ranges":
            // The end of the connection alone ends the whole; a range tells the size.
            if request.start == nil {
                try answer(200, [Self.tag], Array(content[..<half]))
            } else {
                try serve()
            }
        case "/encoded": try answer(200, ["Content-Encoding: gzip", length], content)
        case "/identity": try answer(200, ["Content-Encoding: identity", length], content)
        case "/ranges-ignored": try answer(200, [length, Self.tag], content)
        case "/ranges-shifted":
            guard let start = request.start, start > 0 else { return try serve() }
            try part(from: start - 1, tag: Self.tag)
        case "/ranges-refused":
            guard request.start != nil else { return try serve() }
            try answer(416, ["Content-Range: bytes */\(content.count)", "Content-Length: 0"], [])
        case "/another-each-time":
            try serve(tag: "ETag: \"\(earlier)\"", content.map { $0 ^ UInt8(truncatingIfNeeded: earlier) })
        case "/another-when-cut":
            if earlier == 0 {
                try answer(200, ["Content-Length: \(content.count)", Self.tag], Array(content[..<half]))
            } else {
                try serve(tag: "ETag: \"v2\"", content.map { ~$0 })
            }
        case "/empty": try answer(200, ["Content-Length: 0"], [])
        case "/204": try answer(204, [], [])
        case "/two-lengths": try answer(200, ["Content-Length: \(half)", length], content)
        case "/huge-length": try answer(200, ["Content-Length: 9223372036854775808"], content)
        case "/negative-length": try answer(200, ["Content-Length: -1"], content)
        case "/region":
            try answer(301, ["x-amz-bucket-region: eu-west-9", "Content-Length: 0"], [])
        case "/no-place": try answer(302, ["Content-Length: 0"], [])
        case "/here": try redirect("/whole")
        case "/here-relative": try redirect("whole?x=1#y")
        case "/loop": try redirect("/loop")
        case "/to-file": try redirect("file:///etc/passwd")
        case "/to-metadata": try redirect("http://169.254.169.254/latest/meta-data/")
        case "/to-user": try redirect("http://user:hunter2@127.0.0.1/")
        case "/to-nowhere": try redirect("http://")
        case "/503-once":
            if earlier == 0 { try answer(503, ["Retry-After: 7", "Content-Length: 0"], []) } else { try serve() }
        case "/429-date":
            let dates = ["Date: Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After: Sun, 06 Nov 1994 08:49:50 GMT"]
            try answer(429, dates + ["Content-Length: 0"], [])
        case "/503-for-ever": try answer(503, ["Retry-After: 999999999", "Content-Length: 0"], [])
        case "/expired": try document(403, "AccessDenied", "Request has expired")
        case "/expired-400": try document(400, "ExpiredToken", "The provided token has expired.")
        case "/denied": try document(403, "AccessDenied", "Access Denied")
        case "/slow":
            try connection.write("HTTP/1.1 200 OK\r\n\(Self.tag)\r\n\(length)\r\n\r\n")
            for byte in content {
                try connection.write([byte])
                usleep(20_000)
            }
        case "/stall":
            try connection.write("HTTP/1.1 200 OK\r\n\(Self.tag)\r\n\(length)\r\n\r\n")
            try connection.write(Array(content[..<half]))
            try connection.waitForEnd()
        case "/slow-header":
            try connection.write("HTTP/1.1 200 OK\r\n")
            for number in 0..<100_000 {
                try connection.write("X-\(number): x\r\n")
                usleep(20_000)
            }
        case "/endless-header":
            try connection.write("HTTP/1.1 200 OK\r\n")
            let line = "X: " + String(repeating: "x", count: 1000) + "\r\n"
            for _ in 0..<100_000 { try connection.write(line) }
        case let path where path.hasPrefix("/status/"):
            try document(Int(path.dropFirst(8)) ?? 500, "Some", "words")
        default: try document(404, "NoSuchKey", "no such key")
        }
    }

    private var length: String { "Content-Length: \(content.count)" }

    /// As a server does that is right.
    private func serve(tag: String = Self.tag, _ other: [UInt8]? = nil) throws {
        let bytes = other ?? content
        let isSame = request.fields["if-range"].map { tag.contains($0) } ?? true
        if let start = request.start, isSame {
            guard start < bytes.count else {
                return try answer(416, ["Content-Range: bytes */\(bytes.count)", "Content-Length: 0"], [])
            }
            try part(from: start, tag: tag, bytes)
        } else {
            try answer(200, [tag, "Content-Length: \(bytes.count)", "Accept-Ranges: bytes"], bytes)
        }
    }

    private func part(from start: Int, tag: String, _ other: [UInt8]? = nil) throws {
        let bytes = other ?? content
        let last = min(max(request.last ?? .max, start), bytes.count - 1)
        let total = request.path == "/no-total" ? "*" : "\(bytes.count)"
        let fields = [
            tag, "Content-Range: bytes \(start)-\(last)/\(total)", "Content-Length: \(last - start + 1)",
        ]
        try answer(206, fields, Array(bytes[start...last]))
    }

    private func redirect(_ place: String) throws { try answer(307, ["Location: \(place)", "Content-Length: 0"], []) }

    private func document(_ status: Int, _ code: String, _ message: String) throws {
        let text = "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>\(message)</Message></Error>"
        try answer(status, ["Content-Length: \(text.utf8.count)"], Array(text.utf8))
    }

    /// The connection ends with it.
    private func answer(_ status: Int, _ fields: [String], _ body: [UInt8]) throws {
        try connection.write(
            "HTTP/1.1 \(status) words\r\n" + fields.map { $0 + "\r\n" }.joined() + "Connection: close\r\n\r\n"
        )
        try connection.write(body)
    }
}
