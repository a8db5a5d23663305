import Foundation
import Synchronization

/// A TCP relay on loopback before a server, which harms connections after so many bytes of what a client sends.
package final class RelayProxy: Sendable {
    package enum Fault: Sendable, Hashable {
        /// Both ends are closed.
        case cut(afterBytes: Int)
        /// Nothing goes either way any more, and nobody is told.
        case stall(afterBytes: Int)
        /// Nothing goes either way any more after exactly so many bytes of the server's answer, and nobody is told.
        case stallAnswer(afterBytes: Int)
        /// The server's answer is thrown away, and both ends are closed.
        case loseAnswer
        /// Both ends are closed after exactly so many bytes of the server's answer.
        case cutAnswer(afterBytes: Int)
    }

    package let port: UInt16
    private let target: UInt16
    private let listener: CInt
    private let fault: @Sendable (_ connection: Int) -> Fault?
    /// For the connection that carries the byte after so many of all connections together; once.
    private let once: Fault?
    /// Bytes that a client must have sent for its connection to count.
    private let threshold: Int
    private let state = Mutex(State())

    /// POLLRDHUP of poll(2), which Glibc's module leaves out.
    private static let clientIsGone: Int16 = 0x2000

    private struct State {
        var accepted = 0
        var counted = 0
        var mostAtATime = 0
        var harmed = 0
        var sentBytes = 0
        var returnedBytes = 0
        var isClosed = false
        var isOnceDone = false
        /// Those of open connections.
        var descriptors: Set<CInt> = []
        /// Those of them that lead to clients.
        var clients: Set<CInt> = []
    }

    /// - Parameters:
    ///   - port: to listen on; 0 for any.
    ///   - threshold: connections count, and are asked about, when their clients have sent so many bytes.
    ///   - once: a cut or a stall after so many bytes that clients have sent on all connections together.
    ///   - fault: of a connection, by its number from 0 on among those that count. Asked again as long as there is
    ///     none.
    package init(
        to target: UInt16,
        port: UInt16 = 0,
        threshold: Int = 0,
        once: Fault? = nil,
        fault: @escaping @Sendable (_ connection: Int) -> Fault? = { _ in nil }
    ) throws {
        self.target = target
        self.once = once
        self.threshold = threshold
        self.fault = fault
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        // A relay that comes back has its port again.
        var isReusable: CInt = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &isReusable, socklen_t(MemoryLayout<CInt>.size))
        var address = Self.loopback(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { [listener] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard isListening else { throw ChildProcess.Failure(description: "the relay has no port: errno \(errno)") }
        self.port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in acceptAll() }
    }

    package var connections: Int { state.withLock { $0.accepted } }
    /// Connections that were harmed.
    package var harmed: Int { state.withLock { $0.harmed } }
    /// Connections that were open at a time, at most.
    package var mostAtATime: Int { state.withLock { $0.mostAtATime } }
    /// Bytes that came from clients, on all connections.
    package var sentBytes: Int { state.withLock { $0.sentBytes } }
    /// Bytes that went to clients, on all connections.
    package var returnedBytes: Int { state.withLock { $0.returnedBytes } }

    /// Ends the connections of now; later ones are accepted.
    package func dropAll() {
        state.withLock { state in
            for descriptor in state.descriptors { shutdown(descriptor, CInt(SHUT_RDWR)) }
        }
    }

    /// Ends all connections, and takes no more.
    package func close() {
        state.withLock { state in
            state.isClosed = true
            for descriptor in state.descriptors { shutdown(descriptor, CInt(SHUT_RDWR)) }
        }
        shutdown(listener, CInt(SHUT_RDWR))
    }

    private func acceptAll() {
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { break }
            let server = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var address = Self.loopback(target)
            let isConnected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            let isWanted = state.withLock { state in
                guard isConnected, !state.isClosed else { return false }
                state.descriptors.formUnion([client, server])
                state.accepted += 1
                state.clients.insert(client)
                // One that its client has closed may still wait for its thread.
                state.mostAtATime = max(state.mostAtATime, state.clients.count { !Self.isGone($0) })
                return true
            }
            guard isWanted else {
                Glibc.close(client)
                Glibc.close(server)
                continue
            }
            Thread.detachNewThread { [self] in
                relay(client, server)
                state.withLock { state in
                    state.descriptors.subtract([client, server])
                    state.clients.remove(client)
                    Glibc.close(client)
                    Glibc.close(server)
                }
            }
        }
        Glibc.close(listener)
    }

    private func relay(_ client: CInt, _ server: CInt) {
        // nil as long as the connection does not count.
        var number = threshold == 0 ? nextNumber() : nil
        var fault = number.flatMap { self.fault($0) }
        var sent = 0
        var answered = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var ends = [
            pollfd(fd: client, events: Int16(POLLIN), revents: 0),
            pollfd(fd: server, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&ends, 2, -1) >= 0 || errno == EINTR {
            if ends[0].revents != 0 {
                // A connection that is kept may serve for long: trouble that begins meanwhile befalls it, too.
                if fault == nil, let number { fault = self.fault(number) }
                let limit: Int
                switch fault {
                case .cut(let bytes), .stall(let bytes): limit = bytes - sent
                case .loseAnswer, .cutAnswer, .stallAnswer, nil: limit = buffer.count
                }
                let rest = restOfOnce
                if limit <= 0 || rest == 0 {
                    // The end of a connection carries nothing that could be harmed.
                    guard Self.hasBytes(client) else { return }
                    return harm(client, limit <= 0 ? fault : once)
                }
                let got = read(client, &buffer, min(buffer.count, limit, rest ?? .max))
                if got > 0 { state.withLock { $0.sentBytes += got } }
                guard got > 0, Self.write(buffer[..<got], to: server) else { return }
                sent += got
                if number == nil, sent >= threshold {
                    number = nextNumber()
                    fault = number.flatMap { self.fault($0) }
                }
                if case .cut(let bytes) = fault, sent >= bytes { return harm(client, fault) }
                if case .stall(let bytes) = fault, sent >= bytes { return harm(client, fault) }
            }
            if ends[1].revents != 0 {
                let limit: Int
                switch fault {
                case .cutAnswer(let bytes), .stallAnswer(let bytes): limit = bytes - answered
                default: limit = buffer.count
                }
                let got = read(server, &buffer, min(buffer.count, limit))
                if fault == .loseAnswer, got > 0 { return harm(client, fault) }
                guard got > 0, Self.write(buffer[..<got], to: client) else { return }
                answered += got
                state.withLock { $0.returnedBytes += got }
                if case .cutAnswer(let bytes) = fault, answered >= bytes { return harm(client, fault) }
                if case .stallAnswer(let bytes) = fault, answered >= bytes { return harm(client, fault) }
            }
        }
    }

    /// The bytes until the harm that is done once; nil when it is done, or there is none.
    private var restOfOnce: Int? {
        let limit: Int
        switch once {
        case .cut(let bytes), .stall(let bytes): limit = bytes
        case .loseAnswer, .cutAnswer, .stallAnswer, nil: return nil
        }
        return state.withLock { $0.isOnceDone ? nil : max(limit - $0.sentBytes, 0) }
    }

    private func nextNumber() -> Int {
        state.withLock { state in
            defer { state.counted += 1 }
            return state.counted
        }
    }

    private func harm(_ client: CInt, _ fault: Fault?) {
        state.withLock { state in
            state.harmed += 1
            state.isOnceDone = true
        }
        switch fault {
        case .stall, .stallAnswer: break
        default: return
        }
        // Until the client gives up, or the relay is closed.
        var end = [pollfd(fd: client, events: Self.clientIsGone, revents: 0)]
        while poll(&end, 1, -1) < 0, errno == EINTR {}
    }

    /// Whether the client has ended its side of a connection.
    private static func isGone(_ client: CInt) -> Bool {
        var end = pollfd(fd: client, events: clientIsGone, revents: 0)
        return poll(&end, 1, 0) > 0
    }

    /// Whether there is something to read; waits for it, or for the end.
    private static func hasBytes(_ descriptor: CInt) -> Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, CInt(MSG_PEEK)) > 0
    }

    private static func write(_ bytes: ArraySlice<UInt8>, to descriptor: CInt) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
