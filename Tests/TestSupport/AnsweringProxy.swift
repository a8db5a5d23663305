import Foundation
import Synchronization

/// A proxy of HTTP on loopback before a server, which answers some requests in the server's place and passes all others
/// on, each by a connection of its own.
package final class AnsweringProxy: Sendable {
    package enum Answer: Sendable {
        /// The server hears nothing of the request.
        case instead(String)
        /// The server does what it is asked for, and its answer is thrown away.
        case after(String)
        /// The server hears nothing of it, and the client's connection is reset.
        case reset
    }

    private final class Counter: Sendable { let lines = Mutex<[String]>([]) }

    private let server: LoopbackServer
    private let counter = Counter()

    package var port: UInt16 { UInt16(server.port) }
    /// `PUT /bucket/key?query` of all requests so far.
    package var requests: [String] { counter.lines.withLock { $0 } }

    /// - Parameter answer: to a request, by its line as in ``requests`` and the number of those before it; nil to pass
    ///   it on.
    package init(
        to target: UInt16,
        _ answer: @escaping @Sendable (_ line: String, _ number: Int) -> Answer?
    ) throws {
        let counter = counter
        server = try LoopbackServer(isParallel: true) { client in
            let (head, body) = try client.request()
            let line = head.split(separator: " ").prefix(2).joined(separator: " ")
            let number = counter.lines.withLock { lines in
                lines.append(line)
                return lines.count - 1
            }
            switch answer(line, number) {
            case nil: try Self.pass(head, body, to: target) { try client.write($0) }
            case .instead(let text): try client.write(text)
            case .after(let text):
                try Self.pass(head, body, to: target) { _ in }
                try client.write(text)
            case .reset: client.resetAtEnd()
            }
        }
    }

    package func stop() { server.stop() }

    private static func pass(
        _ head: String,
        _ body: [UInt8],
        to target: UInt16,
        _ take: ([UInt8]) throws -> Void
    ) throws {
        let upstream = try ServerConnection(to: target)
        defer { upstream.close() }
        // Its end tells where the answer ends.
        let lines = head.components(separatedBy: "\r\n")
        try upstream.write(([lines[0], "Connection: close"] + lines.dropFirst()).joined(separator: "\r\n"))
        try upstream.write(body)
        while true {
            let bytes = try upstream.read()
            if bytes.isEmpty { return }
            try take(bytes)
        }
    }

    /// An answer without more to come on its connection.
    package static func response(_ status: Int, _ headers: [String: String] = [:], _ body: String = "") -> String {
        let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        return "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\(lines)\r\n\(body)"
    }

    /// An answer that has fewer bytes than it says.
    package static let cutOff =
        "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n<?xml "

    /// The document of S3 that says what is wrong.
    package static func failure(_ status: Int, _ code: String, _ headers: [String: String] = [:]) -> String {
        response(status, headers, "<Error><Code>\(code)</Code><Message>Words of \(code)</Message></Error>")
    }
}
