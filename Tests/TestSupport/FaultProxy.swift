package import AMQP
import Foundation
import Queues
import Synchronization

/// A TCP relay on loopback between processes and a broker. It knows AMQP's frames, and harms connections as bad
/// networks do, at a frame that the test names.
package final class FaultProxy: Sendable {
    package enum Direction: Sendable, Hashable, CaseIterable {
        case toBroker
        case toClient
    }

    package enum Effect: Sendable, Hashable {
        /// Both ends get a reset.
        case reset
        /// Both ends are closed in order.
        case close
        /// Nothing gets through in these directions any more; whoever still listens is not told.
        case silence(Set<Direction>)
        /// This frame and all behind it come so much later.
        case delay(Duration)
    }

    package struct Fault: Sendable, Hashable, CustomStringConvertible {
        package var direction: Direction
        package var frame: AMQPFrameKind
        /// The share of the frame that gets through before: 0 none of it, 1 all of it.
        package var share: Double
        package var effect: Effect

        package init(_ direction: Direction, _ frame: AMQPFrameKind, share: Double, _ effect: Effect) {
            self.direction = direction
            self.frame = frame
            self.share = share
            self.effect = effect
        }

        package var description: String { "\(effect) after \(share) of \(frame) \(direction)" }

        /// The place in a frame of `count` bytes.
        func cut(of count: Int) -> Int {
            share >= 1 ? count : share <= 0 ? 0 : min(max(Int(Double(count) * share), 1), count - 1)
        }
    }

    struct State {
        var connections: [ObjectIdentifier: FaultConnection] = [:]
        var accepted = 0
        var silent: Set<Direction> = []
        var isClosed = false
        var armed: (fault: Fault, fired: AsyncStream<Void>.Continuation)?
        var repeated: (direction: Direction, frame: AMQPFrameKind)?
        var watches: [Watch] = []
    }

    struct Watch {
        var direction: Direction
        var frame: AMQPFrameKind
        var marker: [UInt8]
        var remaining: Int
        var passed: AsyncStream<Void>.Continuation
    }

    /// The endpoint for processes to connect to, with the credentials of the broker.
    package let endpoint: AMQPEndpoint
    private let broker: AMQPEndpoint
    private let listener: Int32
    let state = Mutex(State())

    package init(to broker: AMQPEndpoint) throws {
        self.broker = broker
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = Self.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 ? getsockname(listener, $0, &length) : -1
            }
        }
        guard listener >= 0, status == 0 else { throw ChildProcess.Failure(description: "the proxy has no port") }
        // No child may keep the port.
        _ = fcntl(listener, F_SETFD, FD_CLOEXEC)
        var endpoint = broker
        endpoint.host = "127.0.0.1"
        endpoint.port = UInt16(bigEndian: address.sin_port)
        self.endpoint = endpoint
        Thread.detachNewThread { [self] in acceptAll() }
    }

    /// - Parameter heartbeat: in seconds.
    package func url(heartbeat: Int) -> String {
        "amqp://\(endpoint.user):\(endpoint.password)@127.0.0.1:\(endpoint.port)/?heartbeat=\(heartbeat)"
    }

    /// Connections so far.
    package var acceptedConnections: Int { state.withLock { $0.accepted } }

    /// Applies the fault to the first connection on which such a frame passes from now on; the stream then yields once.
    /// A later fault replaces this one.
    package func arm(_ fault: Fault) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        state.withLock { state in
            state.armed?.fired.finish()
            state.armed = (fault, continuation)
        }
        return stream
    }

    package func disarm() {
        state.withLock { state in
            state.armed?.fired.finish()
            state.armed = nil
        }
    }

    /// Watches frames of one kind, on all connections together.
    ///
    /// - Parameter marker: bytes that a frame must hold to count.
    /// - Returns: a stream that yields once and ends when so many of these frames have come from now on. The last one
    ///   is passed on after that.
    package func frames(
        _ direction: Direction,
        _ frame: AMQPFrameKind,
        holding marker: [UInt8] = [],
        times: Int = 1
    ) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        state.withLock { state in
            state.watches.append(
                Watch(direction: direction, frame: frame, marker: marker, remaining: times, passed: continuation)
            )
        }
        return stream
    }

    /// Sends each frame of one kind twice.
    package func repeatFrames(_ direction: Direction, _ frame: AMQPFrameKind) {
        state.withLock { $0.repeated = (direction, frame) }
    }

    /// Ends the connections of now; later ones are accepted.
    package func cutAll() {
        for connection in state.withLock({ Array($0.connections.values) }) { connection.cut() }
    }

    /// While true nothing gets through in these directions, on connections of now and later, and nobody is told. A
    /// connection on which something was lost stays silent afterwards.
    package func silence(_ isSilent: Bool, _ directions: Set<Direction> = Set(Direction.allCases)) {
        state.withLock { state in
            if isSilent { state.silent.formUnion(directions) } else { state.silent.subtract(directions) }
        }
    }

    package func close() {
        state.withLock { $0.isClosed = true }
        shutdown(listener, Int32(SHUT_RDWR))
        disarm()
        cutAll()
    }

    /// Tells those who watch of a frame.
    ///
    /// - Returns: how often to send it.
    func note(_ frame: (kind: AMQPFrameKind, bytes: [UInt8]), _ direction: Direction) -> Int {
        state.withLock { state in
            for index in state.watches.indices.reversed() {
                let watch = state.watches[index]
                guard watch.direction == direction, watch.frame == frame.kind,
                    watch.marker.isEmpty || frame.bytes.firstRange(of: watch.marker) != nil
                else { continue }
                state.watches[index].remaining -= 1
                guard state.watches[index].remaining <= 0 else { continue }
                state.watches.remove(at: index)
                watch.passed.yield()
                watch.passed.finish()
            }
            guard let repeated = state.repeated, repeated == (direction, frame.kind) else { return 1 }
            return 2
        }
    }

    /// The fault that is due at this frame, which is disarmed by that.
    func fault(at frame: AMQPFrameKind, _ direction: Direction) -> Fault? {
        state.withLock { state in
            guard let armed = state.armed, armed.fault.frame == frame, armed.fault.direction == direction else {
                return nil
            }
            state.armed = nil
            armed.fired.yield()
            armed.fired.finish()
            return armed.fault
        }
    }

    private func acceptAll() {
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { break }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var address = Self.loopback(port: broker.port)
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard status == 0, let connection = FaultConnection(client: client, server: server, of: self) else {
                Glibc.close(client)
                Glibc.close(server)
                continue
            }
            let isWanted = state.withLock { state in
                if state.isClosed { return false }
                state.accepted += 1
                state.connections[ObjectIdentifier(connection)] = connection
                return true
            }
            if !isWanted { connection.cut() }
            Thread.detachNewThread { [self] in
                connection.run()
                _ = state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
            }
        }
        Glibc.close(listener)
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
