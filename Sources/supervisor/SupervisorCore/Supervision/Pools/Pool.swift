internal import Glibc
internal import JobModel
internal import Settings
internal import WorkerProtocol

/// The workers of one pool as the supervisor knows them, and the actions that follow from a change. Pure: transitions
/// return actions.
struct Pool: Sendable {
    enum Action: Sendable, Equatable {
        case start(slot: Int)
        /// Call ``Pool/retryIsDue(slot:turn:)`` after this time.
        case retry(slot: Int, turn: Int, after: Duration)
        case terminate(slot: Int)
        /// The worker hangs. SIGABRT leaves a trace of the place: a core file, or the text of Swift's backtracer, after
        /// which the process goes on.
        case abort(slot: Int, PoolWorker.Hang)
        case kill(slot: Int)
    }

    struct LastExit: Sendable, Equatable {
        var worker: String
        var cause: String
    }

    let name: PoolName
    private(set) var wanted: Int
    private(set) var workers: [Int: PoolWorker] = [:]
    private(set) var policy: RestartPolicy
    /// Starts after a worker's end. New workers of a larger pool or of a rolling restart do not count.
    private(set) var restarts = 0
    private(set) var lastExit: LastExit?
    /// Ends of workers that nobody had asked for, by their cause in a word. Requested restarts do not count.
    private(set) var deaths: [String: Int] = [:]
    /// The counters of workers that are gone.
    private(set) var retired = WorkerReport.Counters()
    private(set) var isDraining = false
    private let watch: WatchLimits
    private var lookedAt: ContinuousClock.Instant?
    private var lastTurn = 0

    init(name: PoolName, wanted: Int, limits: RestartPolicy.Limits = .init(), watch: WatchLimits = .init()) {
        self.name = name
        self.wanted = wanted
        self.watch = watch
        policy = RestartPolicy(limits: limits)
    }

    /// `process.video.1`
    func workerName(_ slot: Int) -> String { "\(name).\(slot)" }

    var slots: [Int] { workers.keys.sorted() }
    var readyCount: Int { workers.values.count(where: \.isReady) }
    var hasProcesses: Bool { workers.values.contains { $0.phase != .stopped && $0.phase != .waiting } }
    /// A rolling restart is under way.
    var isRolling: Bool { workers.values.contains(where: \.isOutdated) }

    // MARK: - Wishes

    /// The first start of all workers.
    mutating func begin() -> [Action] { settle() }

    mutating func scale(to count: Int) -> [Action] {
        wanted = count
        return settle()
    }

    /// Ends every worker and starts it again. Workers that wait after a death start now.
    mutating func restartAll() -> [Action] {
        guard !isDraining else { return [] }
        return terminateRunning() + startWaiting()
    }

    /// Replaces every worker, one at a time, each when its successor is ready. Workers that wait after a death start
    /// now.
    mutating func rollAll() -> [Action] {
        guard !isDraining else { return [] }
        for slot in slots where workers[slot]?.phase == .spawning || workers[slot]?.phase == .running {
            workers[slot]?.isOutdated = true
        }
        return startWaiting() + settle()
    }

    /// Ends every worker, and starts none again.
    mutating func drain() -> [Action] {
        isDraining = true
        for slot in slots where workers[slot]?.phase == .waiting { workers[slot]?.phase = .stopped }
        return terminateRunning()
    }

    private mutating func terminateRunning() -> [Action] {
        var actions: [Action] = []
        for slot in slots {
            guard let phase = workers[slot]?.phase, phase == .running || phase == .spawning else { continue }
            workers[slot]?.phase = .ending
            workers[slot]?.isOutdated = false
            // A worker that is being spawned is told once it has started.
            if phase == .running { actions.append(.terminate(slot: slot)) }
        }
        return actions
    }

    private mutating func startWaiting() -> [Action] {
        slots.flatMap { slot in workers[slot].map { retryIsDue(slot: slot, turn: $0.turn) } ?? [] }
    }

    // MARK: - Events

    mutating func started(slot: Int, processID: pid_t, at now: ContinuousClock.Instant) -> [Action] {
        workers[slot]?.processID = processID
        workers[slot]?.startedAt = now
        // A drain may have begun while the worker was being spawned.
        guard workers[slot]?.phase == .spawning else { return [.terminate(slot: slot)] }
        workers[slot]?.phase = .running
        return []
    }

    mutating func reported(slot: Int, _ report: WorkerReport, at now: ContinuousClock.Instant) -> [Action] {
        workers[slot]?.note(report, at: now)
        return settle()
    }

    /// The process has ended, or could not be started.
    ///
    /// - Parameters:
    ///   - exit: nil when there was no process.
    ///   - jitter: drawn evenly from 0 to 1.
    mutating func ended(
        slot: Int,
        exit: ProcessExit? = nil,
        cause: String,
        at now: ContinuousClock.Instant,
        jitter: Double
    ) -> [Action] {
        guard let worker = workers[slot] else { return [] }
        let wasTold = worker.phase == .ending
        let lifetime = worker.startedAt.map { $0.duration(to: now) } ?? .zero
        if let counters = worker.report?.counters { retired.add(counters) }
        if !wasTold {
            lastExit = LastExit(worker: workerName(slot), cause: self.cause(ofEndOf: slot, cause))
            deaths[worker.hang == nil ? Self.word(exit) : Self.hangWord, default: 0] += 1
        }
        workers[slot] = PoolWorker(turn: worker.turn)
        workers[slot]?.phase = isDraining ? .stopped : .waiting
        if isDraining { return [] }
        if worker.hasFinishedJobs { policy.proved() }
        // A worker that was told to end, as for new settings, comes back at once and costs nothing.
        let delay = wasTold ? .zero : policy.died(at: now, afterRunning: lifetime, jitter: jitter)
        if worker.isLeaving { workers[slot] = nil }
        let actions = settle()
        guard let left = workers[slot], left.phase == .waiting else { return actions }
        return [.retry(slot: slot, turn: left.turn, after: delay)] + actions
    }

    /// Why a worker has ended.
    ///
    /// - Parameter cause: the end as the kernel reports it.
    func cause(ofEndOf slot: Int, _ cause: String) -> String {
        workers[slot]?.hang.map { "\($0.cause), so it was ended: \(cause)" } ?? cause
    }

    /// The cause of death of a worker that hung and was ended.
    static let hangWord = "hang"

    /// Causes of deaths that are counted from the start, so that the first one is an increase.
    static let commonDeaths = [hangWord] + [SIGKILL, SIGSEGV, SIGABRT].map { word(.signal($0)) }

    /// A cause of deaths in a word.
    private static func word(_ exit: ProcessExit?) -> String { exit?.word ?? "not_started" }

    mutating func retryIsDue(slot: Int, turn: Int) -> [Action] {
        guard let worker = workers[slot], worker.phase == .waiting, worker.turn == turn, !isDraining else { return [] }
        restarts += 1
        return [start(slot)]
    }

    /// Whether the worker has been running for so long that the pool counts as sound.
    mutating func checkProven(slot: Int, turn: Int, at now: ContinuousClock.Instant) {
        guard let worker = workers[slot], worker.turn == turn, let startedAt = worker.startedAt,
            startedAt.duration(to: now) >= policy.limits.provenAfter
        else { return }
        policy.proved()
    }

    /// Ends workers that hang. Call it every ``WatchLimits/interval``.
    mutating func look(at now: ContinuousClock.Instant) -> [Action] {
        defer { lookedAt = now }
        if let lookedAt, lookedAt.duration(to: now) > watch.patience {
            for slot in slots { workers[slot]?.forgive(at: now) }
            return []
        }
        return slots.compactMap { slot in
            guard let worker = workers[slot], worker.processID != nil else { return nil }
            if let hang = worker.hang {
                return hang.abortedAt.duration(to: now) >= watch.abortGrace ? .kill(slot: slot) : nil
            }
            if let cause = worker.hang(at: now, watch) {
                workers[slot]?.hang = (cause, now)
                return .abort(slot: slot, cause)
            }
            guard worker.phase == .ending else { return nil }
            // The worker may have been told to end while it was being spawned.
            guard let since = worker.endingSince else {
                workers[slot]?.endingSince = now
                return nil
            }
            return since.duration(to: now) >= watch.endGrace ? .kill(slot: slot) : nil
        }
    }

    // MARK: - Numbers

    /// Brings the number of workers nearer to what is wanted.
    ///
    /// A rolling restart has one worker more than is wanted. Once all its new workers are ready, one outdated worker is
    /// ended, and when that has ended the next new one starts.
    private mutating func settle() -> [Action] {
        guard !isDraining else { return [] }
        var actions: [Action] = []
        var surplus = workers.values.count { !$0.isLeaving } - wanted
        while surplus < 0 {
            actions.append(startNew())
            surplus += 1
        }
        while surplus > (isRolling ? 1 : 0) {
            actions += letOneGo()
            surplus -= 1
        }
        guard isRolling else { return actions }
        let isEveryOtherReady = workers.values.allSatisfy { $0.isOutdated || $0.isLeaving || $0.isReady }
        if surplus > 0, isEveryOtherReady {
            actions += letOneGo()
        } else if surplus == 0, !workers.values.contains(where: \.isLeaving) {
            actions.append(startNew())
        }
        return actions
    }

    private mutating func start(_ slot: Int) -> Action {
        lastTurn += 1
        workers[slot] = PoolWorker(turn: lastTurn)
        return .start(slot: slot)
    }

    private mutating func startNew() -> Action {
        var slot = 1
        while workers[slot] != nil { slot += 1 }
        return start(slot)
    }

    private mutating func letOneGo() -> [Action] {
        let candidates = slots.compactMap { slot in
            workers[slot].flatMap { $0.isLeaving ? nil : (slot: slot, worker: $0) }
        }
        // A rolling restart ends an outdated worker; any other change ends the worker whose loss costs least, and among
        // equal ones the last.
        guard
            let slot = candidates.min(by: {
                ($0.worker.isOutdated ? 0 : 1, $0.worker.worth, -$0.slot)
                    < ($1.worker.isOutdated ? 0 : 1, $1.worker.worth, -$1.slot)
            })?.slot,
            let phase = workers[slot]?.phase
        else { return [] }
        switch phase {
        case .stopped, .waiting:
            workers[slot] = nil
            return []
        case .spawning, .running, .ending:
            workers[slot]?.phase = .ending
            workers[slot]?.isLeaving = true
            workers[slot]?.isOutdated = false
            // A worker that is being spawned is told once it has started.
            return phase == .running ? [.terminate(slot: slot)] : []
        }
    }
}
