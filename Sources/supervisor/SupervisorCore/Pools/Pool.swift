internal import Glibc
internal import JobModel
internal import ServiceKit

/// The workers of one pool as the supervisor knows them, and what to do when one changes. Pure: transitions return
/// actions.
struct Pool: Sendable {
    enum Action: Sendable, Equatable {
        case start(slot: Int)
        /// Call ``Pool/retryIsDue(slot:turn:)`` after the time.
        case retry(slot: Int, turn: Int, after: Duration)
        case terminate(slot: Int)
    }

    struct Worker: Sendable {
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

        var phase = Phase.stopped
        var processID: pid_t?
        var startedAt: ContinuousClock.Instant?
        var report: WorkerReport?
        var reportedAt: ContinuousClock.Instant?
        /// Counts starts, so that a timer of an earlier life has no effect.
        var turn = 0

        /// In this life. A worker that has finished a job proves that the pool works, whatever ended it then.
        var hasFinishedJobs: Bool { report.map { $0.counters.completed > 0 } ?? false }

        var isReady: Bool { phase == .running && report?.state == .ready }
    }

    struct LastExit: Sendable, Equatable {
        var worker: String
        var cause: String
    }

    let name: PoolName
    private(set) var wanted: Int
    private(set) var workers: [Int: Worker] = [:]
    private(set) var policy: RestartPolicy
    /// Starts but the first of each worker.
    private(set) var restarts = 0
    private(set) var lastExit: LastExit?
    private(set) var isDraining = false

    init(name: PoolName, wanted: Int, limits: RestartPolicy.Limits = .init()) {
        self.name = name
        self.wanted = wanted
        policy = RestartPolicy(limits: limits)
    }

    /// `process.video.1`
    func workerName(_ slot: Int) -> String { "\(name).\(slot)" }

    var slots: [Int] { workers.keys.sorted() }
    var readyCount: Int { workers.values.count(where: \.isReady) }
    var hasProcesses: Bool { workers.values.contains { $0.phase != .stopped && $0.phase != .waiting } }

    /// The first start of all workers.
    mutating func begin() -> [Action] {
        guard wanted > 0, !isDraining else { return [] }
        return (1...wanted).map { slot in
            workers[slot, default: Worker()].phase = .spawning
            return .start(slot: slot)
        }
    }

    mutating func started(slot: Int, processID: pid_t, at now: ContinuousClock.Instant) -> [Action] {
        workers[slot]?.processID = processID
        workers[slot]?.startedAt = now
        workers[slot]?.report = nil
        workers[slot]?.turn += 1
        // A drain may have begun while it was being spawned.
        guard workers[slot]?.phase == .spawning else { return [.terminate(slot: slot)] }
        workers[slot]?.phase = .running
        return []
    }

    mutating func reported(slot: Int, _ report: WorkerReport, at now: ContinuousClock.Instant) {
        workers[slot]?.report = report
        workers[slot]?.reportedAt = now
    }

    /// The process has ended, or could not be started.
    ///
    /// - Parameter jitter: drawn evenly from 0 to 1.
    mutating func ended(
        slot: Int,
        cause: String,
        at now: ContinuousClock.Instant,
        jitter: Double
    ) -> [Action] {
        guard var worker = workers[slot] else { return [] }
        let wasTold = worker.phase == .ending
        let lifetime = worker.startedAt.map { $0.duration(to: now) } ?? .zero
        worker.processID = nil
        worker.startedAt = nil
        let hasFinishedJobs = worker.hasFinishedJobs
        worker.report = nil
        defer { workers[slot] = worker }
        if !wasTold { lastExit = LastExit(worker: workerName(slot), cause: cause) }
        if isDraining {
            worker.phase = .stopped
            return []
        }
        worker.phase = .waiting
        if hasFinishedJobs { policy.proved() }
        // A worker that was told to end, as for new settings, comes back at once and costs nothing.
        let delay = wasTold ? .zero : policy.died(at: now, afterRunning: lifetime, jitter: jitter)
        return [.retry(slot: slot, turn: worker.turn, after: delay)]
    }

    mutating func retryIsDue(slot: Int, turn: Int) -> [Action] {
        guard let worker = workers[slot], worker.phase == .waiting, worker.turn == turn, !isDraining else { return [] }
        workers[slot]?.phase = .spawning
        restarts += 1
        return [.start(slot: slot)]
    }

    /// Whether the worker has been running for so long that the pool counts as sound.
    mutating func checkProven(slot: Int, turn: Int, at now: ContinuousClock.Instant) {
        guard let worker = workers[slot], worker.turn == turn, let startedAt = worker.startedAt,
            startedAt.duration(to: now) >= policy.limits.provenAfter
        else { return }
        policy.proved()
    }

    /// Ends every worker, and starts none again.
    mutating func drain() -> [Action] {
        isDraining = true
        for slot in slots where workers[slot]?.phase == .waiting { workers[slot]?.phase = .stopped }
        return terminateRunning()
    }

    /// Ends every worker and starts it again.
    mutating func restartAll() -> [Action] { isDraining ? [] : terminateRunning() }

    private mutating func terminateRunning() -> [Action] {
        var actions: [Action] = []
        for slot in slots {
            guard let phase = workers[slot]?.phase, phase == .running || phase == .spawning else { continue }
            workers[slot]?.phase = .ending
            // One that is being spawned is told when it is there.
            if phase == .running { actions.append(.terminate(slot: slot)) }
        }
        return actions
    }
}
