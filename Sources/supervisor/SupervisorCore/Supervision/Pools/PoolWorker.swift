internal import Glibc
internal import WorkerProtocol

/// One worker of a pool as the supervisor knows it.
struct PoolWorker: Sendable {
    enum Phase: Sendable, Equatable {
        /// Nothing runs and nothing is to.
        case stopped
        /// Waits for its next start.
        case waiting
        /// Asked for; the process is not there yet.
        case spawning
        case running
        /// Was told to end.
        case ending
    }

    var phase = Phase.spawning
    /// The number of its start, so that a timer of an earlier start has no effect.
    var turn: Int
    /// Is not replaced when its process has ended.
    var isLeaving = false
    /// Runs with the settings from before a rolling restart.
    var isOutdated = false
    var processID: pid_t?
    var startedAt: ContinuousClock.Instant?
    var report: WorkerReport?
    var reportedAt: ContinuousClock.Instant?
    /// When its work on a job began or last made progress; nil while it has none.
    var activeAt: ContinuousClock.Instant?
    var endingSince: ContinuousClock.Instant?
    /// The hang that was found, and when the worker was sent SIGABRT for it.
    var hang: (cause: Hang, abortedAt: ContinuousClock.Instant)?

    init(turn: Int) { self.turn = turn }

    /// Whether it has finished jobs since its start. That proves that the pool works, whatever ended the worker then.
    var hasFinishedJobs: Bool { report.map { $0.counters.completed > 0 } ?? false }

    var isReady: Bool { phase == .running && report?.state == .ready }

    /// How much the pool loses without it: the worker with the least loss is ended first.
    var worth: Int {
        switch phase {
        case .stopped, .waiting: 0
        case .ending: 1
        case .spawning: 2
        case .running: !isReady ? 3 : report?.job == nil ? 4 : 5
        }
    }
}

extension PoolWorker {
    /// The fault of a worker that does not end by itself.
    enum Hang: Sendable, Equatable, CustomStringConvertible {
        case silent(Duration)
        case stalled(job: String?, Duration)

        var description: String {
            switch self {
            case .silent(let time): "no sign of life for \(time.seconds) s"
            case .stalled(let job, let time): "no progress of job \(job ?? "unknown") for \(time.seconds) s"
            }
        }
    }

    mutating func note(_ new: WorkerReport, at now: ContinuousClock.Instant) {
        let hasGotOn = new.activity != report?.activity || new.job != report?.job
        if new.activity == nil { activeAt = nil } else if hasGotOn || activeAt == nil { activeAt = now }
        (report, reportedAt) = (new, now)
    }

    func hang(at now: ContinuousClock.Instant, _ limits: WatchLimits) -> Hang? {
        guard processID != nil, let lastSign = reportedAt ?? startedAt else { return nil }
        let silence = lastSign.duration(to: now)
        if silence >= limits.heartbeatTimeout { return .silent(silence) }
        guard let stallTimeout = limits.stallTimeout, let activeAt else { return nil }
        let standstill = activeAt.duration(to: now)
        return standstill >= stallTimeout ? .stalled(job: report?.job, standstill) : nil
    }

    /// Counts from now on, as nobody watched before.
    mutating func forgive(at now: ContinuousClock.Instant) {
        if processID != nil { reportedAt = now }
        if activeAt != nil { activeAt = now }
        if endingSince != nil { endingSince = now }
    }
}
