internal import CLinux
internal import Glibc
package import JobModel
internal import Synchronization

/// The worker's end of the status descriptor.
package final class StatusChannel: Sendable {
    private struct Sending {
        var report: WorkerReport
        var lastState: WorkerReport.State?
        var hasToldOfWork = false
        var lastTime: ContinuousClock.Instant?
        /// Something has changed that the supervisor was not told.
        var isBehind = false
    }

    /// The shortest time between two lines without a new state. A job of some milliseconds changes its report a dozen
    /// times, and a line costs both ends more than the change.
    private static let shortestGap = Duration.milliseconds(500)

    private let descriptor: CInt
    private let sending: Mutex<Sending>
    private let signs = Atomic<UInt64>(0)
    private let delays: AsyncStream<Void>
    private let delayed: AsyncStream<Void>.Continuation

    /// - Parameter descriptor: inherited from the supervisor; nil when the worker was started by hand.
    package init(stage: Stage, descriptor: CInt?) {
        sending = Mutex(Sending(report: WorkerReport(state: .starting, stage: stage)))
        (delays, delayed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.descriptor = descriptor ?? -1
        // A supervisor that does not read must not stop the worker: each line tells all, so a lost one is made up by
        // the next.
        if let descriptor { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    }

    /// Changes the report. A new state is told at once, and so is the first job that is done: a worker that has done a
    /// job does not count as one that cannot start, however soon it dies. Everything else is told at once or by
    /// ``sendDelayed()``.
    package func update(_ change: (inout WorkerReport) -> Void) {
        guard descriptor >= 0 else { return }
        sending.withLock { sending in
            change(&sending.report)
            let hasNewWork = sending.report.counters.completed > 0 && !sending.hasToldOfWork
            let isUrgent = hasNewWork || sending.report.state != sending.lastState
            if !isUrgent, let last = sending.lastTime, ContinuousClock.now - last < Self.shortestGap {
                if !sending.isBehind { delayed.yield() }
                sending.isBehind = true
            } else {
                send(&sending)
            }
        }
    }

    /// Sends the report again, as a sign of life.
    package func beat() {
        guard descriptor >= 0 else { return }
        sending.withLock { send(&$0) }
    }

    /// Sends the reports that ``update(_:)`` has put off, until the surrounding task is cancelled.
    package func sendDelayed() async {
        for await _ in delays {
            do { try await Task.sleep(for: Self.shortestGap) } catch { return }
            sending.withLock { if $0.isBehind { send(&$0) } }
        }
    }

    private func send(_ sending: inout Sending) {
        if sending.report.activity != nil { sending.report.activity = signs.load(ordering: .relaxed) }
        sending.report.residentBytes = Self.residentBytes()
        sending.report.cpuSeconds = Self.cpuSeconds()
        (sending.lastState, sending.lastTime, sending.isBehind) = (sending.report.state, .now, false)
        sending.hasToldOfWork = sending.report.counters.completed > 0
        let line = sending.report.line()
        _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// Counts a sign of progress in the job's work. It is cheap enough to be called often; the next report tells the
    /// sum.
    package func noteActivity() { signs.wrappingAdd(1, ordering: .relaxed) }

    /// Stage work on a job begins, from which on ``noteActivity()`` is expected, or is over.
    package func watchActivity(_ isWatched: Bool) { update { $0.activity = isWatched ? 0 : nil } }

    private static func cpuSeconds() -> Double? {
        let nanoseconds = clinux_process_nanoseconds()
        return nanoseconds < 0 ? nil : Double(nanoseconds / 1_000_000) / 1000
    }

    private static func residentBytes() -> Int64 {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = read(file, &buffer, buffer.count)
        guard count > 0 else { return 0 }
        let fields = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
