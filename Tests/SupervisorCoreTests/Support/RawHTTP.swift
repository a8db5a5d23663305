import CLinux
import Foundation
import JobModel
import Queues

@testable import SupervisorCore

/// Sends a server on loopback exactly the bytes that a test gives.
struct RawHTTP: Sendable {
    var port: Int

    struct Answer: Sendable {
        var status: Int
        /// Names in lower case.
        var headers: [String: String]
        var body: [UInt8]

        var json: JSONValue? { try? JSONValue(parsing: body) }
        var problem: Problem? { try? JSONText.decode(Problem.self, from: body) }
    }

    struct Failure: Error {
        var cause: String
    }

    func send(
        _ method: String,
        _ path: String,
        _ headers: [String: String] = [:],
        body: String? = nil,
        host: String? = nil
    ) async throws -> Answer {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")", "Connection: close"]
        lines += headers.map { "\($0): \($1)" }
        if let body { lines += ["Content-Length: \(body.utf8.count)", "Content-Type: application/json"] }
        return try await send(lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
    }

    /// Sends bytes as they are, and reads until the server closes the connection.
    func send(_ text: String) async throws -> Answer {
        let connection = try RawConnection(port: port)
        try connection.write(text)
        return try await connection.answer()
    }
}

/// A connection that stays open until it is closed here or there.
final class RawConnection: Sendable {
    private let descriptor: CInt

    init(port: Int, receiveBufferBytes: CInt? = nil) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBufferBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        }
        // Against a server that never closes: the test then fails.
        _ = clinux_set_receive_timeout(descriptor, 30_000_000)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw RawHTTP.Failure(cause: "connect: errno \(errno)") }
    }

    deinit { close(descriptor) }

    func write(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { throw RawHTTP.Failure(cause: "write: errno \(errno)") }
            rest = rest.dropFirst(count)
        }
    }

    /// The next bytes; empty at the end.
    func read(upTo limit: Int = 65_536) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { [self] in
                var buffer = [UInt8](repeating: 0, count: limit)
                let count = Glibc.read(descriptor, &buffer, limit)
                // A reset is an end as well.
                guard count >= 0 || errno == ECONNRESET else {
                    return continuation.resume(throwing: RawHTTP.Failure(cause: "read: errno \(errno)"))
                }
                continuation.resume(returning: Array(buffer.prefix(max(count, 0))))
            }
        }
    }

    /// Reads until the text has come.
    func read(until text: String) async throws -> String {
        var seen = ""
        while !seen.contains(text) {
            let bytes = try await read()
            if bytes.isEmpty { throw RawHTTP.Failure(cause: "the server closed the connection after: \(seen)") }
            seen += String(decoding: bytes, as: UTF8.self)
        }
        return seen
    }

    func readToEnd() async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try await read()
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    func answer() async throws -> RawHTTP.Answer {
        let bytes = try await readToEnd()
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { throw RawHTTP.Failure(cause: "no answer but: \(text)") }
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        return RawHTTP.Answer(status: status, headers: headers, body: Array(text[end.upperBound...].utf8))
    }
}
