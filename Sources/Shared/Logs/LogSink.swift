internal import Dispatch
internal import Glibc
internal import Synchronization
internal import Threads

/// One place that log lines go to. A thread of its own writes them, so that a caller never waits: a reader that stands
/// still, a disk that hangs or a lock that somebody holds stop the log and nothing else.
///
/// The waiting lines are bounded in bytes. Lines beyond are dropped and counted, and the log says how many as soon as
/// it can be written.
final class LogSink: Sendable {
    /// Waiting; as much again may be on its way.
    static let maximumBytes = 1 << 19

    private struct State {
        /// Whole lines.
        var waiting: [UInt8] = []
        /// Lines that came after those and found no room.
        var dropped = 0
        /// The process that the last line was about.
        var label = ""
        /// Lines that are missing and were not said to be, as nothing can be written.
        var unsaid = 0
        var requests: [@Sendable () -> Void] = []
        var isAsleep = false
        var isEnded = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    /// The most bytes of one call to `write`.
    private let maximumPiece: Int
    private let write: @Sendable (UnsafeRawBufferPointer) -> Bool
    private let notice: @Sendable (_ dropped: Int, _ label: String) -> [UInt8]
    private let hasThread = Atomic(false)

    /// - Parameters:
    ///   - maximumPiece: in bytes; a line that is longer goes alone.
    ///   - notice: the line that tells how many lines are missing.
    ///   - write: gets whole lines, on one thread; answers whether it wrote them. May block.
    init(
        maximumPiece: Int,
        notice: @escaping @Sendable (_ dropped: Int, _ label: String) -> [UInt8],
        write: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool
    ) {
        self.maximumPiece = maximumPiece
        self.notice = notice
        self.write = write
        hasThread.store(startThread(), ordering: .relaxed)
    }

    /// Takes a line, with its line feed. Never blocks.
    func append(_ line: some Collection<UInt8>, label: String) {
        change { state in
            state.label = label
            // Once a line is dropped all are, until the log says so: its lines are in order.
            if state.dropped > 0 || state.waiting.count + line.count > Self.maximumBytes {
                state.dropped += 1
            } else {
                state.waiting.append(contentsOf: line)
            }
        }
    }

    /// Calls `body` on the writing thread, after the lines that wait.
    func perform(_ body: @escaping @Sendable () -> Void) { change { $0.requests.append(body) } }

    /// Waits until the lines so far are written, but no longer than until `deadline`.
    ///
    /// - Returns: whether they are.
    @discardableResult
    func flush(until deadline: DispatchTime) -> Bool {
        let mark = DispatchSemaphore(value: 0)
        perform { mark.signal() }
        return mark.wait(timeout: deadline) == .success
    }

    /// The thread ends when it has written the waiting lines.
    func end() { change { $0.isEnded = true } }

    private func change(_ body: (inout State) -> Void) {
        let mustWake = state.withLock { state in
            body(&state)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if mustWake { wake.signal() }
        // The process may have no more threads; a log that can be held up is better than none.
        if !hasThread.load(ordering: .relaxed) { writeWaiting() }
    }

    // MARK: - The thread

    private func startThread() -> Bool {
        (try? BlockingThread(named: "log") { self.run() }) != nil
    }

    private func run() {
        while true {
            let isEnded = state.withLock { state in
                state.isAsleep = state.waiting.isEmpty && state.dropped == 0 && state.requests.isEmpty && !state.isEnded
                return state.isEnded
            }
            writeWaiting()
            if isEnded { return }
            if state.withLock({ $0.isAsleep }) { wake.wait() }
        }
    }

    private func writeWaiting() {
        let work = state.withLock { state in
            defer { (state.waiting, state.dropped, state.unsaid, state.requests) = ([], 0, 0, []) }
            return state
        }
        let lost = work.waiting.withUnsafeBytes { writePieces($0) }
        let missing = lost + work.dropped + work.unsaid
        if missing > 0, !notice(missing, work.label).withUnsafeBytes(write) {
            // Tried again with the next line.
            state.withLock { $0.unsaid += missing }
        }
        for request in work.requests { request() }
    }

    /// - Returns: how many lines could not be written.
    private func writePieces(_ lines: UnsafeRawBufferPointer) -> Int {
        let lineFeed = UInt8(ascii: "\n")
        var lost = 0
        var rest = lines[...]
        while !rest.isEmpty {
            let end =
                rest.prefix(maximumPiece).lastIndex(of: lineFeed) ?? rest.firstIndex(of: lineFeed) ?? rest.endIndex - 1
            let piece = rest[...end]
            if !write(UnsafeRawBufferPointer(rebasing: piece)) { lost += piece.count { $0 == lineFeed } }
            rest = rest[(end + 1)...]
        }
        return lost
    }

    /// Writes all to a descriptor, which others may share and may have made non-blocking.
    ///
    /// - Returns: false when that failed.
    static func put(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
