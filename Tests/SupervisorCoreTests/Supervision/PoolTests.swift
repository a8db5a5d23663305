import JobModel
import Settings
import Testing
import WorkerProtocol

@testable import SupervisorCore

struct PoolTests {
    private let name = PoolName(stage: .process, kind: .video)
    private let now = ContinuousClock.now

    private func running(_ count: Int) -> Pool {
        var pool = Pool(name: name, wanted: count)
        #expect(pool.begin() == (1...count).map { .start(slot: $0) })
        for slot in 1...count { #expect(pool.started(slot: slot, processID: 100 + Int32(slot), at: now) == []) }
        return pool
    }

    @Test("A pool without wanted workers starts none")
    func empty() {
        var pool = Pool(name: name, wanted: 0)
        #expect(pool.begin() == [])
        #expect(!pool.hasProcesses)
    }

    @Test("A worker is ready when it says so, and not before")
    func ready() {
        var pool = running(2)
        #expect(pool.readyCount == 0)
        _ = pool.reported(slot: 2, WorkerReport(state: .ready), at: now)
        #expect(pool.readyCount == 1)
        _ = pool.reported(slot: 2, WorkerReport(state: .disconnected), at: now)
        #expect(pool.readyCount == 0)
    }

    @Test("A worker that dies is started again, and its end is remembered")
    func death() {
        var pool = running(1)
        let actions = pool.ended(slot: 1, cause: "signal 9", at: now + .seconds(5), jitter: 0)
        #expect(actions == [.retry(slot: 1, turn: 1, after: .zero)])
        #expect(pool.lastExit == .init(worker: "process.video.1", cause: "signal 9"))
        #expect(pool.retryIsDue(slot: 1, turn: 1) == [.start(slot: 1)])
        #expect(pool.restarts == 1)
    }

    @Test("Deaths are counted by cause, and an end that was asked for is none")
    func deaths() {
        var pool = running(1)
        _ = pool.restartAll()
        _ = pool.ended(slot: 1, exit: .status(0), cause: "exit status 0", at: now, jitter: 0)
        #expect(pool.deaths == [:])
        for (exit, word) in [
            (ProcessExit.signal(9), "SIGKILL"), (.status(70), "exit_70"), (.signal(34), "signal_34"),
            (.unknown, "unknown"), (nil, "not_started"),
        ] as [(ProcessExit?, String)] {
            var pool = running(1)
            _ = pool.ended(slot: 1, exit: exit, cause: "c", at: now, jitter: 0)
            #expect(pool.deaths == [word: 1])
            #expect(PoolSnapshot(pool, at: now).deathCount == 1)
        }
    }

    @Test("Workers that die young but finished jobs do not make the pool failing; ones that only became ready do")
    func deathsAfterWork() {
        var report = WorkerReport(state: .ready)
        for (completed, isFailing) in [(1, false), (0, true)] {
            var pool = running(1)
            report.counters.completed = completed
            for death in 1...10 {
                _ = pool.reported(slot: 1, report, at: now)
                let actions = pool.ended(slot: 1, cause: "signal 9", at: now + .seconds(death), jitter: 1)
                guard case .retry(1, let turn, let delay) = actions.first else {
                    Issue.record("no retry after death \(death)")
                    return
                }
                #expect(!(completed > 0) || delay == .milliseconds(200))
                _ = pool.retryIsDue(slot: 1, turn: turn)
                _ = pool.started(slot: 1, processID: 7, at: now + .seconds(death))
            }
            #expect(pool.policy.isFailing == isFailing)
        }
    }

    @Test("A timer of an earlier life starts nothing")
    func staleTimer() {
        var pool = running(1)
        _ = pool.ended(slot: 1, cause: "", at: now, jitter: 0)
        #expect(pool.retryIsDue(slot: 1, turn: 0) == [])
        #expect(pool.retryIsDue(slot: 1, turn: 1) == [.start(slot: 1)])
        #expect(pool.retryIsDue(slot: 1, turn: 1) == [])
    }

    @Test("A worker that cannot be started counts as a death at once")
    func failedStart() {
        var pool = Pool(name: name, wanted: 1)
        _ = pool.begin()
        for death in 1...5 {
            let actions = pool.ended(slot: 1, cause: "not found", at: now + .seconds(death), jitter: 1)
            guard case .retry(1, let turn, _) = actions.first else {
                Issue.record("no retry after \(death) deaths")
                return
            }
            _ = pool.retryIsDue(slot: 1, turn: turn)
        }
        #expect(pool.policy.isFailing)
    }

    @Test("A drain ends running and waiting workers, and nothing starts any more")
    func drain() {
        var pool = running(2)
        _ = pool.ended(slot: 2, cause: "", at: now, jitter: 0)
        #expect(pool.drain() == [.terminate(slot: 1)])
        #expect(pool.retryIsDue(slot: 2, turn: 1) == [])
        #expect(pool.hasProcesses)
        #expect(pool.ended(slot: 1, cause: "exit status 0", at: now, jitter: 0) == [])
        #expect(!pool.hasProcesses)
        #expect(pool.begin() == [])
    }

    @Test("A worker that is being spawned when a drain begins is ended as soon as it is there")
    func drainWhileSpawning() {
        var pool = Pool(name: name, wanted: 1)
        _ = pool.begin()
        #expect(pool.drain() == [])
        #expect(pool.hasProcesses)
        #expect(pool.started(slot: 1, processID: 7, at: now) == [.terminate(slot: 1)])
        #expect(pool.ended(slot: 1, cause: "", at: now, jitter: 0) == [])
        #expect(!pool.hasProcesses)
    }

    @Test("Workers that are ended for new settings come back at once, and it counts as no death")
    func restartAll() {
        var pool = running(2)
        #expect(pool.restartAll() == [.terminate(slot: 1), .terminate(slot: 2)])
        #expect(
            pool.ended(slot: 1, cause: "exit status 0", at: now, jitter: 1)
                == [.retry(slot: 1, turn: 1, after: .zero)]
        )
        #expect(pool.policy.deaths == 0)
        #expect(pool.lastExit == nil)
    }
}
