import JobModel
import Testing
import WorkerProtocol

@testable import SupervisorCore

/// A pool that changes its size, or replaces its workers one by one.
struct PoolScalingTests {
    private let name = PoolName(stage: .process, kind: .video)
    private let now = ContinuousClock.now

    /// A pool whose workers have processes and are ready.
    private func ready(_ count: Int) -> Pool {
        var pool = Pool(name: name, wanted: count)
        _ = pool.begin()
        for slot in pool.slots { #expect(comesUp(slot, in: &pool) == []) }
        return pool
    }

    private func comesUp(_ slot: Int, in pool: inout Pool, job: String? = nil) -> [Pool.Action] {
        var report = WorkerReport(state: .ready)
        report.job = job
        return pool.started(slot: slot, processID: 100 + Int32(slot), at: now)
            + pool.reported(slot: slot, report, at: now)
    }

    private func goes(_ slot: Int, from pool: inout Pool) -> [Pool.Action] {
        pool.ended(slot: slot, cause: "exit status 0", at: now + .seconds(1), jitter: 1)
    }

    @Test("A pool that grows starts what is missing, also from none")
    func growth() {
        var pool = ready(1)
        #expect(pool.scale(to: 3) == [.start(slot: 2), .start(slot: 3)])
        #expect(pool.scale(to: 3) == [])
        var empty = ready(0)
        #expect(empty.scale(to: 1) == [.start(slot: 1)])
        #expect(empty.restarts == 0)
    }

    @Test("A pool that shrinks ends its surplus, which does not come back and counts as no death")
    func shrinking() {
        var pool = ready(3)
        #expect(pool.scale(to: 1) == [.terminate(slot: 3), .terminate(slot: 2)])
        #expect(pool.readyCount == 1)
        #expect(goes(2, from: &pool) == [])
        #expect(goes(3, from: &pool) == [])
        #expect(pool.slots == [1])
        #expect(pool.policy.deaths == 0 && pool.lastExit == nil && pool.restarts == 0)
        #expect(pool.scale(to: 0) == [.terminate(slot: 1)])
        #expect(goes(1, from: &pool) == [])
        #expect(pool.slots == [] && !pool.hasProcesses)
    }

    @Test("Idle workers go before busy ones, and those without a process before all")
    func leastWorthGoesFirst() {
        var pool = ready(4)
        _ = pool.reported(slot: 4, busy, at: now)
        _ = pool.reported(slot: 3, busy, at: now)
        let actions = pool.ended(slot: 1, cause: "signal 9", at: now, jitter: 1)
        #expect(actions == [.retry(slot: 1, turn: 1, after: .milliseconds(200))])
        #expect(pool.scale(to: 2) == [.terminate(slot: 2)])
        #expect(pool.slots == [2, 3, 4])
        #expect(pool.retryIsDue(slot: 1, turn: 1) == [])
    }

    private var busy: WorkerReport {
        var report = WorkerReport(state: .ready)
        report.job = "j"
        return report
    }

    @Test("A surplus worker that is still being spawned is ended as soon as it is there")
    func shrinkingWhileSpawning() {
        var pool = ready(1)
        _ = pool.scale(to: 2)
        #expect(pool.scale(to: 1) == [])
        #expect(pool.started(slot: 2, processID: 7, at: now) == [.terminate(slot: 2)])
        #expect(goes(2, from: &pool) == [])
        #expect(pool.slots == [1])
    }

    @Test("A pool that grows again while a worker leaves has a new one in another place")
    func growthWhileLeaving() {
        var pool = ready(2)
        #expect(pool.scale(to: 1) == [.terminate(slot: 2)])
        #expect(pool.scale(to: 2) == [.start(slot: 3)])
        #expect(goes(2, from: &pool) == [])
        #expect(pool.slots == [1, 3])
    }

    @Test("A worker that is restarting leaves when it is surplus by then")
    func shrinkingWhileRestarting() {
        var pool = ready(2)
        #expect(pool.restartAll() == [.terminate(slot: 1), .terminate(slot: 2)])
        #expect(pool.scale(to: 1) == [])
        #expect(goes(2, from: &pool) == [])
        #expect(pool.slots == [1])
        #expect(goes(1, from: &pool) == [.retry(slot: 1, turn: 1, after: .zero)])
    }

    @Test("A timer of a worker that was let go does not start the next one in its place")
    func staleTimerAfterScaling() {
        var pool = ready(2)
        _ = pool.ended(slot: 2, cause: "signal 9", at: now, jitter: 1)
        _ = pool.scale(to: 1)
        #expect(pool.scale(to: 2) == [.start(slot: 2)])
        #expect(pool.ended(slot: 2, cause: "not found", at: now, jitter: 1).count == 1)
        #expect(pool.retryIsDue(slot: 2, turn: 2) == [])
        #expect(pool.retryIsDue(slot: 2, turn: 3) == [.start(slot: 2)])
    }

    @Test("A rolling restart has each successor ready before the next worker is told to end, one at a time")
    func rolling() {
        var pool = ready(2)
        #expect(pool.rollAll() == [.start(slot: 3)])
        #expect(pool.started(slot: 3, processID: 7, at: now) == [])
        #expect(pool.reported(slot: 3, WorkerReport(state: .starting), at: now) == [])
        #expect(pool.readyCount == 2)
        #expect(pool.reported(slot: 3, WorkerReport(state: .ready), at: now) == [.terminate(slot: 2)])
        // The one that leaves may take its time; meanwhile nothing else begins.
        #expect(pool.reported(slot: 3, WorkerReport(state: .ready), at: now) == [])
        #expect(pool.readyCount == 2)
        #expect(goes(2, from: &pool) == [.start(slot: 2)])
        #expect(comesUp(2, in: &pool) == [.terminate(slot: 1)])
        #expect(pool.readyCount == 2 && !pool.isRolling)
        #expect(goes(1, from: &pool) == [])
        #expect(pool.slots == [2, 3])
        #expect(pool.policy.deaths == 0 && pool.lastExit == nil && pool.restarts == 0)
    }

    @Test("A rolling restart whose new worker dies goes no further, and the old ones work on")
    func rollingWithBadWorkers() {
        var pool = ready(2)
        _ = pool.rollAll()
        for death in 1...5 {
            _ = pool.started(slot: 3, processID: 7, at: now)
            let actions = pool.ended(slot: 3, cause: "exit status 78", at: now + .seconds(death), jitter: 1)
            guard case .retry(3, let turn, _) = actions.first, actions.count == 1 else {
                Issue.record("no retry alone after death \(death): \(actions)")
                return
            }
            #expect(pool.retryIsDue(slot: 3, turn: turn) == [.start(slot: 3)])
        }
        #expect(pool.policy.isFailing && pool.isRolling)
        #expect(pool.readyCount == 2)
        #expect(comesUp(3, in: &pool) == [.terminate(slot: 2)])
    }

    @Test("A worker that dies during a rolling restart is its own successor")
    func deathWhileRolling() {
        var pool = ready(1)
        #expect(pool.rollAll() == [.start(slot: 2)])
        // The pool has two by then, and the one that waits is the one too many.
        #expect(pool.ended(slot: 1, cause: "signal 9", at: now, jitter: 0) == [])
        #expect(pool.slots == [2] && !pool.isRolling)
        #expect(comesUp(2, in: &pool) == [])
    }

    @Test("A second rolling restart during the first replaces the new workers too")
    func rollingTwice() {
        var pool = ready(1)
        _ = pool.rollAll()
        _ = pool.started(slot: 2, processID: 7, at: now)
        // The successor is not needed any more: it is outdated before it was ready.
        #expect(pool.rollAll() == [.terminate(slot: 2)])
        #expect(goes(2, from: &pool) == [.start(slot: 2)])
        #expect(comesUp(2, in: &pool) == [.terminate(slot: 1)])
        #expect(goes(1, from: &pool) == [])
        #expect(pool.slots == [2] && !pool.isRolling)
    }

    @Test("A pool may be scaled during a rolling restart, and ends with the wanted number of new workers")
    func scalingWhileRolling() {
        var pool = ready(4)
        #expect(pool.rollAll() == [.start(slot: 5)])
        #expect(pool.scale(to: 1) == [.terminate(slot: 4), .terminate(slot: 3), .terminate(slot: 2)])
        #expect(comesUp(5, in: &pool) == [.terminate(slot: 1)])
        for slot in 1...4 { #expect(goes(slot, from: &pool) == []) }
        #expect(pool.slots == [5] && !pool.isRolling)
        var emptied = ready(1)
        #expect(emptied.rollAll() == [.start(slot: 2)])
        #expect(emptied.scale(to: 0) == [.terminate(slot: 1)])
        #expect(emptied.started(slot: 2, processID: 7, at: now) == [.terminate(slot: 2)])
    }

    @Test("A restart does not wait for the timers of workers that died")
    func restartOfWaiting() {
        for isRolling in [false, true] {
            var pool = ready(1)
            _ = pool.ended(slot: 1, cause: "signal 9", at: now, jitter: 1)
            #expect((isRolling ? pool.rollAll() : pool.restartAll()) == [.start(slot: 1)])
            #expect(pool.retryIsDue(slot: 1, turn: 1) == [])
        }
    }

    @Test("A drain ends a rolling restart")
    func drainWhileRolling() {
        var pool = ready(2)
        _ = pool.rollAll()
        #expect(pool.drain() == [.terminate(slot: 1), .terminate(slot: 2)])
        #expect(pool.started(slot: 3, processID: 7, at: now) == [.terminate(slot: 3)])
        for slot in 1...3 { #expect(goes(slot, from: &pool) == []) }
        #expect(!pool.hasProcesses && !pool.isRolling)
        #expect(pool.scale(to: 5) == [] && pool.rollAll() == [] && pool.restartAll() == [])
    }
}
