internal import Glibc
internal import JobModel
internal import Logging
internal import ServiceKit
internal import TempFiles

/// Keeps the wanted number of workers of every pool running, and ends them all.
actor PoolSupervisor {
    private let host: ProcessHost
    private let logger: Logger
    private let lifeline: Lifeline
    private var launch: WorkerLaunch
    private var pools: [PoolName: Pool] = [:]
    private var children: [Seat: ProcessHost.ChildID] = [:]
    private var timers: [Int: Task<Void, Never>] = [:]
    private var lastTimer = 0
    private var stopWaiters: [CheckedContinuation<Void, Never>] = []
    private var killTimer: Task<Void, Never>?
    private let loop: SupervisionLoop
    private let listener: SupervisionLoop.Listener?
    private let onEnd: @Sendable (WorkerEnd) -> Void
    private var watcher: Task<Void, Never>?
    private var lookedAt: ContinuousClock.Instant?
    private var startedAt: ContinuousClock.Instant?
    private var hasBeenReady = false

    /// A place for a worker: its pool and number.
    private struct Seat: Hashable {
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
        watcher = Task { await loop.run { await goRound() } }
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

    // MARK: - Control

    /// Sets how many workers a pool has until the supervisor ends or reads its configuration again. Surplus workers finish
    /// or hand back their jobs.
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

    /// Replaces all workers of a pool. Those that wait after a death start at once. Returns when it has begun.
    ///
    /// - Parameter rolling: one by one, a worker's successor being ready before the worker is told to end; else all at once.
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

    /// Makes the workers open their log file anew. One that has said nothing yet may not heed the signal, and will open the new
    /// file anyway.
    func reopenLogs() {
        for (seat, child) in children where pools[seat.pool]?.workers[seat.slot]?.report != nil {
            host.signal(child, SIGUSR1)
        }
    }

    // MARK: - Stop

    /// Tells every worker to finish or hand back its job, and returns when all are gone: by themselves, or killed when
    /// `limit` is over.
    func drain(limit: Duration) async {
        for name in PoolName.all { change(name) { pool in pool.drain() } }
        for timer in timers.values { timer.cancel() }
        timers = [:]
        if isRunning {
            setKillTimer(limit)
            await withCheckedContinuation { stopWaiters.append($0) }
        }
        watcher?.cancel()
        await watcher?.value
    }

    /// Makes a drain end soon: every worker is told again, and killed after a moment.
    func hasten() {
        for child in children.values { host.signal(child, SIGTERM) }
        setKillTimer(.seconds(2))
    }

    private var isRunning: Bool { pools.values.contains(where: \.hasProcesses) }

    private func setKillTimer(_ limit: Duration) {
        killTimer?.cancel()
        killTimer = Task {
            do { try await Task.sleep(for: limit) } catch { return }
            killAll()
        }
    }

    private func killAll() {
        for seat in children.keys { kill(seat) }
    }

    private func kill(_ seat: Seat) {
        guard let child = children[seat] else { return }
        logger.warning(
            "killing a worker that did not end in time",
            metadata: [LogKey.workerName: "\(seat.pool).\(seat.slot)"]
        )
        host.signal(child, SIGKILL, to: .group)
    }

    private func noteStopped() {
        guard !stopWaiters.isEmpty, !isRunning else { return }
        killTimer?.cancel()
        for waiter in stopWaiters { waiter.resume() }
        stopWaiters = []
    }

    // MARK: - Events

    private func change(
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
            metadata: ["worker.count": "\(wanted)", LogKey.durationMilliseconds: "\(elapsed / .milliseconds(1))"]
        )
    }

    private func perform(_ action: Pool.Action, _ name: PoolName) {
        switch action {
        case .start(let slot):
            let child = ProcessHost.ChildID.next()
            let seat = Seat(pool: name, slot: slot)
            children[seat] = child
            host.start(
                child,
                launch.request(name, worker: "\(name).\(slot)"),
                reports: .descriptor(WorkerLaunch.statusDescriptor),
                output: ChildOutput.logging(as: "\(name).\(slot)"),
                handler: forward(seat)
            )
        case .terminate(let slot):
            if let child = children[Seat(pool: name, slot: slot)] { host.signal(child, SIGTERM) }
        case .abort(let slot, let hang):
            let seat = Seat(pool: name, slot: slot)
            logger.error(
                "a worker hangs and is ended",
                metadata: [
                    LogKey.workerName: "\(name).\(slot)", LogKey.cause: "\(hang)",
                    LogKey.jobID: "\(pools[name]?.workers[slot]?.report?.job ?? "none")",
                ]
            )
            if let child = children[seat] { host.signal(child, SIGABRT) }
        case .kill(let slot): kill(Seat(pool: name, slot: slot))
        case .retry(let slot, let turn, let delay):
            after(delay) { $0.change(name) { pool in pool.retryIsDue(slot: slot, turn: turn) } }
        }
    }

    /// Events come on the host's thread, in order, and must be handled in that order: they go through a stream.
    private func forward(_ seat: Seat) -> @Sendable (ProcessHost.Event) -> Void {
        let (events, continuation) = AsyncStream.makeStream(of: ProcessHost.Event.self)
        Task { for await event in events { handle(event, seat) } }
        return { event in
            continuation.yield(event)
            switch event {
            case .ended, .failed: continuation.finish()
            case .started, .line: break
            }
        }
    }

    private func handle(_ event: ProcessHost.Event, _ seat: Seat) {
        let now = ContinuousClock.now
        let worker = "\(seat.pool).\(seat.slot)"
        switch event {
        case .started(let processID):
            logger.info("worker started", metadata: [LogKey.workerName: "\(worker)", LogKey.processID: "\(processID)"])
            change(seat.pool) { pool in pool.started(slot: seat.slot, processID: processID, at: now) }
            if let pool = pools[seat.pool], let turn = pool.workers[seat.slot]?.turn {
                after(pool.policy.limits.provenAfter) { $0.checkProven(seat, turn: turn) }
            }
        case .line(let line):
            guard let report = WorkerReport(line: line) else {
                logger.warning("a worker's report is unreadable", metadata: [LogKey.workerName: "\(worker)"])
                return
            }
            change(seat.pool) { pool in pool.reported(slot: seat.slot, report, at: now) }
        case .failed(let error):
            logger.error(
                "a worker could not be started",
                metadata: [
                    LogKey.workerName: "\(worker)", LogKey.cause: "\(error)",
                ]
            )
            ended(seat, nil, cause: "\(error)", at: now)
        case .ended(let exit):
            let state = pools[seat.pool]?.workers[seat.slot]
            let wasTold = state?.phase == .ending
            let cause = pools[seat.pool]?.cause(ofEndOf: seat.slot, exit.description) ?? exit.description
            var metadata: Logger.Metadata = [LogKey.workerName: "\(worker)", LogKey.cause: "\(cause)"]
            if !wasTold, let job = state?.report?.job { metadata[LogKey.jobID] = "\(job)" }
            logger.log(
                level: wasTold ? .info : .warning,
                wasTold ? "worker stopped" : "worker died",
                metadata: metadata
            )
            if let processID = state?.processID {
                onEnd(WorkerEnd(worker: WorkerLife(name: worker, processID: processID), cause: cause))
            }
            ended(seat, exit, cause: exit.description, at: now)
        }
    }

    private func ended(_ seat: Seat, _ exit: ProcessExit?, cause: String, at now: ContinuousClock.Instant) {
        children[seat] = nil
        change(seat.pool) { pool in
            pool.ended(slot: seat.slot, exit: exit, cause: cause, at: now, jitter: .random(in: 0...1))
        }
        noteStopped()
    }

    private func checkProven(_ seat: Seat, turn: Int) {
        change(seat.pool) { pool in
            pool.checkProven(slot: seat.slot, turn: turn, at: .now)
            return []
        }
    }

    private func after(_ delay: Duration, _ body: @escaping @Sendable (isolated PoolSupervisor) -> Void) {
        lastTimer += 1
        let number = lastTimer
        timers[number] = Task {
            try? await Task.sleep(for: delay)
            if !Task.isCancelled { body(self) }
            timers[number] = nil
        }
    }
}
