internal import Glibc
internal import JobModel
internal import Logging
internal import Settings
internal import TempFiles
internal import WorkerProtocol

/// Keeps the wanted number of workers of every pool running, and ends them all.
actor PoolSupervisor {
    let host: ProcessHost
    let logger: Logger
    let onEnd: @Sendable (WorkerEnd) -> Void
    var launch: WorkerLaunch
    private(set) var pools: [PoolName: Pool] = [:]
    var children: [Seat: ProcessHost.ChildID] = [:]
    /// A task for the events of each process, and one for each timer. They end with ``drain(limit:)``.
    let events = TaskScope()
    let timers = TaskScope()
    var stopWaiters: [CheckedContinuation<Void, Never>] = []
    /// Counts the times that were set for killing what is left: only the last one holds.
    var killTurn = 0
    private let lifeline: Lifeline
    private let loop: SupervisionLoop
    private let listener: SupervisionLoop.Listener?
    private(set) var runner: Task<Void, Never>?
    private var lookedAt: ContinuousClock.Instant?
    private var startedAt: ContinuousClock.Instant?
    private var hasBeenReady = false

    /// A place for a worker: its pool and number.
    struct Seat: Hashable {
        var pool: PoolName
        var slot: Int
    }

    /// - Parameters:
    ///   - executablesDirectory: where `stage-download` and the others are.
    ///   - listener: hears of every round of the loop that supervises.
    ///   - onEnd: called for every process of a worker that has ended.
    init(
        counts: WorkerCounts,
        executablesDirectory: String,
        environment: [String: String],
        host: ProcessHost,
        limits: RestartPolicy.Limits = .init(),
        watch: WatchLimits = .init(),
        listener: SupervisionLoop.Listener? = nil,
        onEnd: @escaping @Sendable (WorkerEnd) -> Void = { _ in },
        logger: Logger
    ) throws {
        self.host = host
        self.listener = listener
        self.onEnd = onEnd
        loop = SupervisionLoop(interval: min(watch.interval, listener?.interval ?? watch.interval))
        self.logger = logger
        lifeline = try Lifeline()
        launch = WorkerLaunch(
            executablesDirectory: executablesDirectory,
            environment: environment,
            lifeline: lifeline.readEnd
        )
        for name in PoolName.all { pools[name] = Pool(name: name, wanted: counts[name], limits: limits, watch: watch) }
    }

    /// The pools, in a fixed order.
    var snapshots: [PoolSnapshot] {
        let now = ContinuousClock.now
        return PoolName.all.compactMap { name in pools[name].map { PoolSnapshot($0, at: now) } }
    }

    func start() {
        startedAt = .now
        for name in PoolName.all { change(name) { pool in pool.begin() } }
        begin()
    }

    /// A reload may want workers before ``start()`` does.
    func begin() {
        if runner == nil { runner = Task { await run() } }
    }

    /// Returns when ``events`` is closed and the last process's events are handled.
    private func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [loop] in await loop.run { await self.goRound() } }
            group.addTask { [timers] in await timers.run() }
            await events.run()
            group.cancelAll()
        }
    }

    private func goRound() async {
        let now = ContinuousClock.now
        // Rounds for a change come as often as there are changes.
        if lookedAt.map({ $0.duration(to: now) >= loop.interval / 2 }) ?? true {
            lookedAt = now
            for name in PoolName.all { change(name) { pool in pool.look(at: now) } }
        }
        guard let listener else { return }
        // Without the thread that starts processes and sees them end, this actor alone supervises nothing.
        await host.passThrough()
        await listener.hear(snapshots)
    }

    /// Something that the listener may want to know of has changed elsewhere.
    func noteChange() { loop.noteChange() }

    // MARK: - Changes

    /// Changes a pool and does what follows from it.
    func change(
        _ name: PoolName,
        _ body: (inout Pool) -> [Pool.Action]
    ) {
        guard var pool = pools[name] else { return }
        let wasFailing = pool.policy.isFailing
        let before = (pool.readyCount, pool.wanted)
        let actions = body(&pool)
        pools[name] = pool
        if before != (pool.readyCount, pool.wanted) || wasFailing != pool.policy.isFailing { loop.noteChange() }
        if pool.policy.isFailing, !wasFailing {
            logger.error(
                "workers of \(name) keep dying; the next start is in \(pool.policy.limits.failingRetry)",
                metadata: [LogKey.cause: "\(pool.lastExit?.cause ?? "unknown")"]
            )
        }
        for action in actions { perform(action, name) }
        tellWhenReady()
    }

    /// Says once that the tree is up.
    private func tellWhenReady() {
        guard !hasBeenReady, let startedAt else { return }
        let wanted = pools.values.reduce(0) { $0 + $1.wanted }
        guard wanted > 0, pools.values.allSatisfy({ $0.readyCount >= $0.wanted }) else { return }
        hasBeenReady = true
        let elapsed = startedAt.duration(to: .now)
        logger.info(
            "all workers are ready",
            metadata: [
                "worker.count": "\(wanted)", LogKey.durationMilliseconds: "\(Int64(elapsed / .milliseconds(1)))",
            ]
        )
    }
}
