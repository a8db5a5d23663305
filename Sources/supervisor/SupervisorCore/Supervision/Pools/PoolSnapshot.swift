internal import Glibc
internal import JobModel
internal import WorkerProtocol

/// A pool at one moment.
struct PoolSnapshot: Sendable {
    struct Worker: Sendable {
        var name: String
        var processID: pid_t?
        /// `starting`, `ready`, `disconnected`, `draining`, or `waiting` and `stopped` without a process.
        var state: String
        var report: WorkerReport?
        var uptime: Duration?
        /// Since its last report.
        var silence: Duration?
    }

    var name: PoolName
    var wanted: Int
    var ready: Int
    var restarts: Int
    /// By cause, in a word.
    var deaths: [String: Int]
    var lastExit: Pool.LastExit?
    var isFailing: Bool
    var isDraining: Bool
    /// Workers are being replaced one by one.
    var isRolling: Bool
    var workers: [Worker]
    /// Counters of all workers that there ever were; they never go back.
    var counters: WorkerReport.Counters

    var deathCount: Int { deaths.values.reduce(0, +) }

    init(_ pool: Pool, at now: ContinuousClock.Instant) {
        name = pool.name
        wanted = pool.wanted
        ready = pool.readyCount
        restarts = pool.restarts
        deaths = pool.deaths
        lastExit = pool.lastExit
        isFailing = pool.policy.isFailing
        isDraining = pool.isDraining
        isRolling = pool.isRolling
        counters = pool.workers.values.reduce(into: pool.retired) { sum, worker in
            if let report = worker.report { sum.add(report.counters) }
        }
        workers = pool.slots.compactMap { slot in
            guard let worker = pool.workers[slot] else { return nil }
            return Worker(
                name: pool.workerName(slot),
                processID: worker.processID,
                state: Self.state(worker),
                report: worker.report,
                uptime: worker.startedAt.map { $0.duration(to: now) },
                silence: worker.reportedAt.map { $0.duration(to: now) }
            )
        }
    }

    private static func state(_ worker: PoolWorker) -> String {
        switch worker.phase {
        case .stopped: "stopped"
        case .waiting: "waiting"
        case .spawning: "starting"
        case .running: (worker.report?.state ?? .starting).rawValue
        case .ending: "draining"
        }
    }
}
