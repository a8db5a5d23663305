internal import Glibc
internal import JobModel
internal import Logging
internal import Logs
internal import Settings
internal import WorkerProtocol

extension PoolSupervisor {
    /// Sets how many workers a pool has until the supervisor ends or reads its configuration again. Surplus workers
    /// finish or hand back their jobs.
    ///
    /// - Parameter workers: 0 to ``WorkerCounts/maximumPerPool``.
    /// - Returns: the pool with the change begun.
    func scale(_ name: PoolName, to workers: Int) throws(PoolControlError) -> PoolSnapshot {
        guard (0...WorkerCounts.maximumPerPool).contains(workers) else {
            throw PoolControlError(
                message: "a pool has 0 to \(WorkerCounts.maximumPerPool) workers; \(workers) is outside of that"
            )
        }
        let snapshot = try control(name) { $0.scale(to: workers) }
        logger.notice("\(name) is scaled to \(workers) workers")
        return snapshot
    }

    /// Replaces all workers of a pool. Workers that wait after a death start at once. Returns when it has begun.
    ///
    /// - Parameter rolling: one by one, a worker's successor being ready before the worker is told to end; else all at
    ///   once.
    func restart(_ name: PoolName, rolling: Bool) throws(PoolControlError) {
        _ = try control(name) { rolling ? $0.rollAll() : $0.restartAll() }
        logger.notice("\(name) is restarted\(rolling ? ", one worker at a time" : "")")
    }

    private func control(
        _ name: PoolName,
        _ body: (inout Pool) -> [Pool.Action]
    ) throws(PoolControlError) -> PoolSnapshot {
        guard let pool = pools[name], !pool.isDraining else {
            throw PoolControlError(message: "the supervisor is stopping; no worker of \(name) is started any more")
        }
        change(name, body)
        return PoolSnapshot(pools[name] ?? pool, at: .now)
    }

    /// Takes over a new configuration: the sizes of the pools, and the environment of workers that start from now on.
    ///
    /// - Parameter replacingWorkers: by a rolling restart of every pool, so that all have that environment.
    func reconfigure(counts: WorkerCounts, environment: [String: String], replacingWorkers: Bool) {
        launch.environment = environment
        for name in PoolName.all {
            change(name) { pool in pool.scale(to: counts[name]) + (replacingWorkers ? pool.rollAll() : []) }
        }
    }

    /// Ends every worker gracefully and starts it again with another environment.
    func restartAll(environment: [String: String]) {
        launch.environment = environment
        for name in PoolName.all { change(name) { pool in pool.restartAll() } }
    }

    /// Makes the workers open their log file anew. One that has said nothing yet may not heed the signal, and will open
    /// the new file anyway.
    func reopenLogs() {
        for (seat, child) in children where pools[seat.pool]?.workers[seat.slot]?.report != nil {
            host.signal(child, SIGUSR1)
        }
    }
}
