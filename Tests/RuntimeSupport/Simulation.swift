package import Foundation
import StageRuntime
import Synchronization
import Threads

/// Runs tasks on one thread, in time of its own: what is ready runs in the order that a seed decides, or in the order
/// in which it became ready, and time moves on only when nothing is ready. So a test of minutes takes milliseconds, and
/// the same seed gives the same run.
///
/// A task that runs here must wait only for tasks that run here as well.
package final class Simulation: Sendable {
    private struct State {
        var ready: [(job: UnownedJob, process: SimulatedProcess)] = []
        var timers: [Timer] = []
        var nextTimer = 0
        var now = ContinuousClock.now
        var random: SplitMix64?
        var steps = 0
    }

    private struct Timer {
        var number: Int
        var deadline: ContinuousClock.Instant
        var fire: @Sendable () -> Void
    }

    /// The simulated wall clock begins here.
    private static let epoch = Date(timeIntervalSince1970: 1_800_000_000)

    private let state: Mutex<State>
    private let start: ContinuousClock.Instant

    /// - Parameter seed: nil to run what is ready in order.
    package init(seed: UInt64? = nil) {
        let state = State(random: seed.map(SplitMix64.init))
        start = state.now
        self.state = Mutex(state)
    }

    package var now: ContinuousClock.Instant { state.withLock { $0.now } }

    /// Since the beginning.
    package var elapsed: Duration { now - start }

    package var date: Date {
        let (seconds, attoseconds) = elapsed.components
        return Self.epoch.addingTimeInterval(Double(seconds) + Double(attoseconds) / 1e18)
    }

    /// A number from 0 up to `limit`, by the seed; 0 without one.
    package func random(below limit: Int) -> Int {
        state.withLock { Int((($0.random?.next()) ?? 0) % UInt64(max(limit, 1))) }
    }

    package struct Stuck: Error, CustomStringConvertible {
        package var description: String

        package init(description: String) { self.description = description }
    }

    /// Runs `body` and all that comes of it, on a thread of its own, until `body` returns.
    ///
    /// - Parameter limit: of steps.
    /// - Throws: ``Stuck`` when nothing is ready and nobody waits for a time, or when there is no end; what `body`
    ///   throws.
    package func run(
        in process: SimulatedProcess? = nil,
        limit: Int = 2_000_000,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let process = process ?? SimulatedProcess(self, name: "test")
        let outcome = Outcome()
        Task(executorPreference: process) {
            do {
                try await body()
                outcome.set(.success(()))
            } catch {
                outcome.set(.failure(error))
            }
        }
        // On this thread, code that would take blocking work to another one does it where it is. So tasks may use a
        // real ledger and real files.
        let result = await OwnThread.run { [self] in
            while outcome.result == nil, step(limit: limit) {}
            return outcome.result ?? .failure(stuck)
        }
        try result.get()
    }

    /// How the body of a run ended.
    private final class Outcome: Sendable {
        private let state = Mutex<Result<Void, any Error>?>(nil)

        var result: Result<Void, any Error>? { state.withLock { $0 } }
        func set(_ result: Result<Void, any Error>) { state.withLock { $0 = result } }
    }

    private var stuck: Stuck {
        state.withLock { Stuck(description: "nothing goes on after \($0.steps) steps and \($0.now - start)") }
    }

    /// - Returns: false when there is nothing to do.
    private func step(limit: Int) -> Bool {
        enum Next {
            case job(UnownedJob, SimulatedProcess)
            case timer(Timer)
            case nothing
        }
        let next = state.withLock { state -> Next in
            state.steps += 1
            if state.steps > limit { return .nothing }
            if !state.ready.isEmpty {
                let index = state.random.map { random in
                    var random = random
                    let index = Int(random.next() % UInt64(state.ready.count))
                    state.random = random
                    return index
                }
                let (job, process) = state.ready.remove(at: index ?? 0)
                return .job(job, process)
            }
            guard let first = state.timers.min(by: { ($0.deadline, $0.number) < ($1.deadline, $1.number) }) else {
                return .nothing
            }
            state.timers.removeAll { $0.number == first.number }
            state.now = max(state.now, first.deadline)
            return .timer(first)
        }
        switch next {
        case .job(let job, let process):
            if process.mayStep() { job.runSynchronously(on: process.asUnownedTaskExecutor()) }
        case .timer(let timer): timer.fire()
        case .nothing: return false
        }
        return true
    }

    func enqueue(_ job: UnownedJob, _ process: SimulatedProcess) {
        state.withLock { $0.ready.append((job, process)) }
    }

    /// Has something done at a time.
    ///
    /// - Returns: a number for ``cancelTimer(_:)``.
    @discardableResult
    func at(_ deadline: ContinuousClock.Instant, _ fire: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            state.nextTimer += 1
            state.timers.append(Timer(number: state.nextTimer, deadline: deadline, fire: fire))
            return state.nextTimer
        }
    }

    func cancelTimer(_ number: Int) { state.withLock { $0.timers.removeAll { $0.number == number } } }
}

/// A process of a simulation: its tasks can be ended between any two of their steps, as by SIGKILL.
package final class SimulatedProcess: TaskExecutor, RuntimeClock {
    package let name: String
    let simulation: Simulation
    private let dead = Atomic(false)
    /// Until it dies; negative for no such plan.
    private let stepsLeft = Atomic(-1)
    private let onDeath = Mutex<[@Sendable () -> Void]>([])

    package init(_ simulation: Simulation, name: String) {
        self.simulation = simulation
        self.name = name
    }

    package var isDead: Bool { dead.load(ordering: .acquiring) }

    /// Ends the process: none of its tasks goes on, and the world takes back what it held.
    package func kill() {
        guard !dead.exchange(true, ordering: .acquiringAndReleasing) else { return }
        for body in onDeath.withLock({ $0 }) { body() }
    }

    /// Has the process end before one of its next steps, wherever its tasks are then.
    package func die(afterSteps steps: Int) { stepsLeft.store(steps, ordering: .releasing) }

    /// Counts a step.
    ///
    /// - Returns: false when the process is dead.
    func mayStep() -> Bool {
        if isDead { return false }
        let left = stepsLeft.load(ordering: .acquiring)
        if left == 0 { kill() } else if left > 0 { stepsLeft.store(left - 1, ordering: .releasing) }
        return left != 0
    }

    /// Adds something that the world does when the process ends, as the kernel drops its locks.
    func whenDead(_ body: @escaping @Sendable () -> Void) { onDeath.withLock { $0.append(body) } }

    package func enqueue(_ job: consuming ExecutorJob) {
        if !isDead { simulation.enqueue(UnownedJob(job), self) }
    }

    // MARK: - Its clock

    package var now: ContinuousClock.Instant { simulation.now }
    package var date: Date { simulation.date }

    package func sleep(until deadline: ContinuousClock.Instant) async throws {
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                sleeper.begin(continuation)
                let timer = simulation.at(deadline) { sleeper.end(nil) }
                sleeper.timer.store(timer, ordering: .releasing)
                if Task.isCancelled { cancel(sleeper) }
            }
        } onCancel: {
            cancel(sleeper)
        }
    }

    private func cancel(_ sleeper: Sleeper) {
        let timer = sleeper.timer.load(ordering: .acquiring)
        if timer != 0 { simulation.cancelTimer(timer) }
        sleeper.end(CancellationError())
    }

    private final class Sleeper: Sendable {
        let timer = Atomic(0)
        private let waiting = Mutex<UnsafeContinuation<Void, any Error>?>(nil)

        func begin(_ continuation: UnsafeContinuation<Void, any Error>) { waiting.withLock { $0 = continuation } }

        /// The first end counts.
        func end(_ error: (any Error)?) {
            let continuation = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            if let error { continuation?.resume(throwing: error) } else { continuation?.resume() }
        }
    }
}

/// Numbers that a seed decides: the same on every host.
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
