internal import JobModel
internal import WorkerProtocol

/// Waits until pools are as they were told to be.
struct PoolWatch: Sendable {
    var supervisor: RunningSupervisor
    /// Between two looks. The pools' states have no event that reaches this process.
    var interval = Duration.milliseconds(100)
    /// When to give up; nil: never.
    var deadline: ContinuousClock.Instant?

    /// The reason why a pool will not settle by itself, or has not when the time is up.
    struct Failing: Error, Equatable {
        var message: String
    }

    /// Waits until the pool has just the wanted workers, all of them ready, and none of the old processes.
    ///
    /// - Returns: the number of ready workers.
    /// - Throws: ``Failing`` when its workers keep dying or the time is up; the errors of ``RunningSupervisor``.
    func settled(_ pool: PoolName, without old: Set<Int32> = []) async throws -> Int {
        let name = pool.description
        while true {
            let health = try await supervisor.health()
            if let status = health.pools[name] {
                if status.failing {
                    let exit = status.lastExit.map { "; \($0.worker) ended with \($0.cause)" } ?? ""
                    throw Failing(message: "its workers keep dying\(exit); see the log")
                }
                let processes = try await processes(of: pool)
                if status.ready == status.wanted, processes.count == status.wanted, old.isDisjoint(with: processes) {
                    return status.ready
                }
                if let deadline, ContinuousClock.now >= deadline {
                    let left = processes.intersection(old).count
                    throw Failing(
                        message: "\(status.ready) of \(status.wanted) workers are ready"
                            + (left > 0 ? " and \(left) old ones at work" : "")
                            + " when the time is up; it goes on by itself"
                    )
                }
            }
            try await Task.sleep(for: interval)
        }
    }

    /// The ids of the pool's processes that run now.
    func processes(of pool: PoolName) async throws -> Set<Int32> {
        let found = try await supervisor.info().stages.first { $0.name == pool.description }
        return Set(found?.processes.compactMap(\.pid) ?? [])
    }
}
