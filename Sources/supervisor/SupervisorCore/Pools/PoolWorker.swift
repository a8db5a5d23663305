internal import Glibc
internal import ServiceKit

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
    /// Of the start it is in, so that a timer of an earlier one has no effect.
    var turn: Int
    /// Is not replaced when its process has ended.
    var isLeaving = false
    /// Runs with what was valid before a rolling restart began.
    var isOutdated = false
    var processID: pid_t?
    var startedAt: ContinuousClock.Instant?
    var report: WorkerReport?
    var reportedAt: ContinuousClock.Instant?

    init(turn: Int) { self.turn = turn }

    /// In this life. A worker that has finished a job proves that the pool works, whatever ended it then.
    var hasFinishedJobs: Bool { report.map { $0.counters.completed > 0 } ?? false }

    var isReady: Bool { phase == .running && report?.state == .ready }

    /// How much the pool loses without it: the least is let go first.
    var worth: Int {
        switch phase {
        case .stopped, .waiting: 0
        case .ending: 1
        case .spawning: 2
        case .running: !isReady ? 3 : report?.job == nil ? 4 : 5
        }
    }
}
