internal import Glibc
internal import JobModel
internal import Logging
internal import Logs
internal import Settings
internal import WorkerProtocol

extension PoolSupervisor {
    /// Tells every worker to finish or hand back its job, and returns when all are gone: by themselves, or killed when
    /// `limit` is over.
    func drain(limit: Duration) async {
        for name in PoolName.all { change(name) { pool in pool.drain() } }
        if isRunning {
            setKillTimer(limit)
            await withCheckedContinuation { stopWaiters.append($0) }
        }
        events.close()
        await runner?.value
    }

    /// Makes a drain end soon: every worker is told again, and killed after a moment.
    func hasten() {
        for child in children.values { host.signal(child, SIGTERM) }
        setKillTimer(.seconds(2))
    }

    private var isRunning: Bool { pools.values.contains(where: \.hasProcesses) }

    private func setKillTimer(_ limit: Duration) {
        killTurn += 1
        let turn = killTurn
        after(limit) { if $0.killTurn == turn { $0.killAll() } }
    }

    private func killAll() {
        for seat in children.keys { kill(seat) }
    }

    func kill(_ seat: Seat) {
        guard let child = children[seat] else { return }
        logger.warning(
            "killing a worker that did not end in time",
            metadata: [LogKey.workerName: "\(seat.pool).\(seat.slot)"]
        )
        host.signal(child, SIGKILL, to: .group)
    }

    /// Ends the wait of ``drain(limit:)`` when the last worker is gone.
    func noteStopped() {
        guard !stopWaiters.isEmpty, !isRunning else { return }
        for waiter in stopWaiters { waiter.resume() }
        stopWaiters = []
    }
}
