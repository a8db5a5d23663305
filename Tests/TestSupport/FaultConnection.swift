import CLinux
import Foundation
import Synchronization

/// One connection through a ``FaultProxy``: a thread that passes on frame by frame until either end closes.
///
/// The two ends change only on that thread; others only write to the bell.
final class FaultConnection: @unchecked Sendable {
    private struct Way {
        var source: Int32
        var target: Int32
        var parser = AMQPFrameParser()
        var isSilent = false
        /// The rest of a frame that is delayed, and until when.
        var held: ArraySlice<UInt8> = []
        var heldUntil: ContinuousClock.Instant?
        var isSourceOpen = true
    }

    private enum Step {
        case goOn
        case end
    }

    private let proxy: FaultProxy
    private let client: Int32
    private let server: Int32
    /// A pipe: a byte in it ends the connection.
    private let bell: (readEnd: Int32, writeEnd: Int32)
    private let isOver = Mutex(false)
    private var ways: [FaultProxy.Direction: Way]

    init?(client: Int32, server: Int32, of proxy: FaultProxy) {
        var ends: [Int32] = [-1, -1]
        guard clinux_pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        bell = (ends[0], ends[1])
        self.proxy = proxy
        self.client = client
        self.server = server
        ways = [
            .toBroker: Way(source: client, target: server),
            .toClient: Way(source: server, target: client),
        ]
    }

    func cut() {
        isOver.withLock { isOver in
            var byte: UInt8 = 0
            if !isOver { _ = write(bell.writeEnd, &byte, 1) }
        }
    }

    func run() {
        while pass() == .goOn {}
        isOver.withLock { isOver in
            isOver = true
            for descriptor in [client, server, bell.readEnd, bell.writeEnd] { close(descriptor) }
        }
    }

    /// Waits for bytes, the bell, or the end of a delay, and handles them.
    private func pass() -> Step {
        let now = ContinuousClock.now
        for direction in FaultProxy.Direction.allCases {
            guard let way = ways[direction], let end = way.heldUntil, end <= now else { continue }
            ways[direction]?.held = []
            ways[direction]?.heldUntil = nil
            guard send(way.held, to: way.target), forward(direction) == .goOn else { return .end }
        }
        // Nothing more is read in a direction that is held, so that frames stay in order.
        let open = FaultProxy.Direction.allCases.filter {
            ways[$0].map { $0.isSourceOpen && $0.heldUntil == nil } ?? false
        }
        let ends = ways.values.compactMap(\.heldUntil)
        if open.isEmpty, ends.isEmpty { return .end }
        var descriptors = [pollfd(fd: bell.readEnd, events: Int16(POLLIN), revents: 0)]
        for direction in open {
            descriptors.append(pollfd(fd: ways[direction]?.source ?? -1, events: Int16(POLLIN), revents: 0))
        }
        let wait = ends.min().map { milliseconds(now.duration(to: $0)) }
        guard poll(&descriptors, nfds_t(descriptors.count), wait ?? -1) >= 0 || errno == EINTR else { return .end }
        if descriptors[0].revents != 0 { return .end }
        for (direction, descriptor) in zip(open, descriptors.dropFirst()) where descriptor.revents != 0 {
            if read(direction) == .end { return .end }
        }
        return .goOn
    }

    /// Rounded up.
    private func milliseconds(_ duration: Duration) -> Int32 {
        let (seconds, attoseconds) = max(duration, .zero).components
        return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
    }

    private func read(_ direction: FaultProxy.Direction) -> Step {
        guard let way = ways[direction] else { return .end }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(way.source, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN || errno == EINTR { return .goOn }
        guard count > 0 else {
            ways[direction]?.isSourceOpen = false
            // If nothing reaches one end any more, the other end is not told; it has to find out.
            return isSilent(direction) ? .goOn : .end
        }
        if isSilent(direction) { return .goOn }
        ways[direction]?.parser.add(buffer[..<count])
        return forward(direction)
    }

    private func isSilent(_ direction: FaultProxy.Direction) -> Bool {
        if proxy.state.withLock({ $0.silent.contains(direction) }) { ways[direction]?.isSilent = true }
        return ways[direction]?.isSilent ?? true
    }

    private func forward(_ direction: FaultProxy.Direction) -> Step {
        while let frame = ways[direction]?.parser.next() {
            guard let target = ways[direction]?.target else { return .end }
            let times = proxy.note(frame, direction)
            guard let fault = proxy.fault(at: frame.kind, direction) else {
                for _ in 0..<times where !send(frame.bytes[...], to: target) { return .end }
                continue
            }
            let cut = fault.cut(of: frame.bytes.count)
            guard send(frame.bytes[..<cut], to: target) else { return .end }
            switch fault.effect {
            case .close: return .end
            case .reset:
                // Closing sends a reset then, and no end of stream before it.
                var option = linger(l_onoff: 1, l_linger: 0)
                for descriptor in [client, server] {
                    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
                }
                return .end
            case .silence(let directions):
                for silent in directions { ways[silent]?.isSilent = true }
                if ways[direction]?.isSilent == true { return .goOn }
                guard send(frame.bytes[cut...], to: target) else { return .end }
            case .delay(let duration):
                ways[direction]?.held = frame.bytes[cut...]
                ways[direction]?.heldUntil = .now + duration
                return .goOn
            }
        }
        return .goOn
    }

    private func send(_ bytes: ArraySlice<UInt8>, to target: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }
}
