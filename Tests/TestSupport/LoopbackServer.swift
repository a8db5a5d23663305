import CLinux
import Foundation
import Synchronization

/// A server on loopback that says exactly what a test wants to say, to one connection after another, or to all at a
/// time.
package final class LoopbackServer: Sendable {
    package struct Failure: Error {
        package var cause: String

        package init(cause: String) { self.cause = cause }
    }

    package let port: Int
    private let listener: CInt
    private let end = DispatchSemaphore(value: 0)
    private let accepted = Atomic(0)

    /// Connections so far.
    package var connections: Int { accepted.load(ordering: .acquiring) }

    /// - Parameters:
    ///   - isParallel: whether a connection is served beside others.
    ///   - serve: called on a thread of the server's own; the connection is closed when it returns.
    package init(
        isParallel: Bool = false,
        _ serve: @escaping @Sendable (ServerConnection) throws -> Void
    ) throws {
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { [listener] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard status else { throw Failure(cause: "listen: errno \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { break }
                accepted.add(1, ordering: .acquiringAndReleasing)
                let connection = ServerConnection(descriptor)
                let serving: @Sendable () -> Void = {
                    // A client that leaves early is no failure of the server's.
                    try? serve(connection)
                    connection.close()
                }
                if isParallel { Thread.detachNewThread(serving) } else { serving() }
            }
            end.signal()
        }
    }

    package func url(_ path: String = "/") -> [UInt8] { Array("http://127.0.0.1:\(port)\(path)".utf8) }

    /// Ends the server's thread. A test calls it when no connection is open any more.
    package func stop() {
        shutdown(listener, CInt(SHUT_RDWR))
        end.wait()
        close(listener)
    }
}

/// One accepted connection; blocks.
package final class ServerConnection: Sendable {
    private let descriptor: CInt
    private let wantsReset = Atomic(false)

    init(_ descriptor: CInt) {
        self.descriptor = descriptor
        // Against a client that hangs: the test then fails.
        _ = clinux_set_receive_timeout(descriptor, 120_000_000)
        _ = clinux_set_send_timeout(descriptor, 120_000_000)
    }

    /// A connection to another server on loopback.
    convenience init(to port: UInt16) throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        address.sin_port = port.bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let cause = "connect: errno \(errno)"
            Glibc.close(descriptor)
            throw LoopbackServer.Failure(cause: cause)
        }
        self.init(descriptor)
    }

    /// Has the connection's end be a reset, whatever was sent before.
    package func resetAtEnd() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        wantsReset.store(true, ordering: .relaxed)
    }

    /// Ends the connection even if a process that was started at this moment holds the descriptor as well.
    func close() {
        // It would be an orderly end.
        if !wantsReset.load(ordering: .relaxed) { shutdown(descriptor, CInt(SHUT_RDWR)) }
        Glibc.close(descriptor)
    }

    package func write(_ text: String) throws { try write(Array(text.utf8)) }

    package func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { throw LoopbackServer.Failure(cause: "write: errno \(errno)") }
            rest = rest.dropFirst(count)
        }
    }

    /// Empty at the end.
    package func read(upTo limit: Int = 65_536) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = Glibc.read(descriptor, &buffer, limit)
        guard count >= 0 else { throw LoopbackServer.Failure(cause: "read: errno \(errno)") }
        return Array(buffer.prefix(count))
    }

    /// A request as it came: its header section, and its body as long as the header says.
    package func request() throws -> (head: String, body: [UInt8]) {
        var seen: [UInt8] = []
        let separator = Array("\r\n\r\n".utf8)
        var end: Int?
        while end == nil {
            let bytes = try read()
            if bytes.isEmpty { throw LoopbackServer.Failure(cause: "the request has no end") }
            seen += bytes
            end = seen.firstRange(of: separator)?.upperBound
        }
        let head = String(decoding: seen[..<(end ?? 0)], as: UTF8.self)
        var body = Array(seen[(end ?? 0)...])
        let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
        let count = length.flatMap { Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces)) }
        while body.count < count ?? 0 {
            let bytes = try read()
            if bytes.isEmpty { throw LoopbackServer.Failure(cause: "the body has no end") }
            body += bytes
        }
        return (head, body)
    }

    /// Returns when the client has closed the connection.
    package func waitForEnd() throws { while !(try read().isEmpty) {} }
}
