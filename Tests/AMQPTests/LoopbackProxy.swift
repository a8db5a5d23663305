import AMQP
import Foundation
import Logging
import Synchronization
import TestSupport

/// A TCP relay on loopback between a client and the broker, which can watch, hold back and cut.
///
/// Each connection has two blocking threads, one per direction, that end with it.
final class LoopbackProxy: Sendable {
    struct Failure: Error {}

    private struct Watch {
        var pattern: [UInt8]
        var remaining: Int
        /// Cuts before the pattern is passed on.
        var cuts: Bool
        var continuation: AsyncStream<Void>.Continuation
    }

    private struct State {
        var sockets: [Int32] = []
        var accepted = 0
        var isHoldingReplies = false
        var repeatedMethod: [UInt8]?
        var watches: [Watch] = []
    }

    let endpoint: AMQPEndpoint
    private let broker: AMQPEndpoint
    private let listener: Int32
    private let state = Mutex(State())

    init(to broker: AMQPEndpoint) throws {
        self.broker = broker
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        var address = Self.loopback(port: 0)
        let bound = Self.withAddress(&address) { bind(listener, $0, $1) }
        guard listener >= 0, bound == 0, listen(listener, 16) == 0 else { throw Failure() }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let named = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        guard named == 0 else { throw Failure() }
        var endpoint = broker
        endpoint.host = "127.0.0.1"
        endpoint.port = UInt16(bigEndian: address.sin_port)
        self.endpoint = endpoint
        Thread.detachNewThread { [self] in acceptAll() }
    }

    /// Connections accepted so far.
    var acceptedConnections: Int { state.withLock { $0.accepted } }

    /// Ends the connections of now; later ones are accepted.
    func cut() {
        state.withLock { state in
            for socket in state.sockets {
                shutdown(socket, Int32(SHUT_RDWR))
            }
        }
    }

    /// Keeps back the broker's answers, on present and later connections.
    func holdReplies(_ isHolding: Bool) {
        state.withLock { $0.isHoldingReplies = isHolding }
    }

    /// Sends each answer of one method (its class and its number, two bytes each) twice.
    func repeatAnswers(_ method: [UInt8]) {
        state.withLock { $0.repeatedMethod = method }
    }

    /// A stream that yields once and ends when the client has sent the pattern so many times from now on.
    func clientSends(_ pattern: [UInt8], times: Int = 1, thenCut cuts: Bool = false) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        state.withLock { state in
            state.watches.append(
                Watch(pattern: pattern, remaining: times, cuts: cuts, continuation: continuation)
            )
        }
        return stream
    }

    func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        cut()
    }

    private func acceptAll() {
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { break }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var address = Self.loopback(port: broker.port)
            guard Self.withAddress(&address, { connect(server, $0, $1) }) == 0 else {
                Glibc.close(client)
                Glibc.close(server)
                continue
            }
            state.withLock { state in
                state.accepted += 1
                state.sockets += [client, server]
            }
            let pair = Pair(client: client, server: server)
            Thread.detachNewThread { [self] in
                relay(from: client, to: server, of: pair, isClient: true)
            }
            Thread.detachNewThread { [self] in
                relay(from: server, to: client, of: pair, isClient: false)
            }
        }
        Glibc.close(listener)
    }

    /// Counts the directions that are left, so that the last one closes both sockets.
    private final class Pair: Sendable {
        let client: Int32
        let server: Int32
        let directions = Mutex(2)

        init(client: Int32, server: Int32) {
            self.client = client
            self.server = server
        }
    }

    private func relay(from source: Int32, to target: Int32, of pair: Pair, isClient: Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            if !isClient, state.withLock({ $0.isHoldingReplies }) { continue }
            let (length, cuts) = isClient ? watch(buffer[..<count]) : (count, false)
            guard Self.sendAll(target, buffer[..<length]), !cuts else { break }
            if !isClient, let frame = repeated(buffer[..<count]) { guard Self.sendAll(target, frame) else { break } }
        }
        shutdown(target, Int32(SHUT_WR))
        shutdown(source, Int32(SHUT_RD))
        if !isClient { shutdown(target, Int32(SHUT_RDWR)) }
        let isLast = pair.directions.withLock { left in
            left -= 1
            return left == 0
        }
        guard isLast else { return }
        state.withLock { state in
            state.sockets.removeAll { $0 == pair.client || $0 == pair.server }
            Glibc.close(pair.client)
            Glibc.close(pair.server)
        }
    }

    /// The frame to send again, if the bytes end with one.
    private func repeated(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let method = state.withLock({ $0.repeatedMethod }) else { return nil }
        // Before the method stand the frame's type, its channel and its size.
        guard let hit = bytes.ranges(of: method).last, hit.lowerBound >= bytes.startIndex + 7 else { return nil }
        let size = bytes[(hit.lowerBound - 4)..<hit.lowerBound].reduce(0) { $0 << 8 | Int($1) }
        return hit.lowerBound + size + 1 == bytes.endIndex ? bytes[(hit.lowerBound - 7)...] : nil
    }

    /// The number of bytes to pass on, and whether to cut the connection after them.
    private func watch(_ bytes: ArraySlice<UInt8>) -> (length: Int, cuts: Bool) {
        state.withLock { state in
            for index in state.watches.indices.reversed() {
                let watch = state.watches[index]
                let hits = bytes.ranges(of: watch.pattern)
                guard let first = hits.first else { continue }
                state.watches[index].remaining -= hits.count
                guard state.watches[index].remaining <= 0 else { continue }
                state.watches.remove(at: index)
                watch.continuation.yield()
                watch.continuation.finish()
                // A frame's type and channel come three bytes before the size with which patterns begin.
                if watch.cuts { return (max(0, first.lowerBound - 3), true) }
            }
            return (bytes.count, false)
        }
    }

    private static func sendAll(_ socket: Int32, _ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func withAddress<Result>(
        _ address: inout sockaddr_in,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// Runs `body` with a proxy to the test broker and a client that connects through it.
func withProxiedClient<Result>(
    configuration: AMQPConfiguration = .quick,
    logger: Logger = TestBroker.logger,
    _ body: (AMQPClient, LoopbackProxy) async throws -> Result
) async throws -> Result {
    let proxy = try LoopbackProxy(to: await TestBroker.endpoint())
    defer { proxy.close() }
    return try await withTestClient(to: proxy.endpoint, configuration: configuration, logger: logger) { client in
        try await body(client, proxy)
    }
}

extension AMQPConfiguration {
    /// Reconnects at once, so that tests need not wait.
    static let quick = AMQPConfiguration(
        backoff: BackoffPolicy(initial: .milliseconds(20), maximum: .milliseconds(200))
    )
}
