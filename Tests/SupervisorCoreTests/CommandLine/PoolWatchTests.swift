import JobModel
import Settings
import Testing
import WorkerProtocol

@testable import SupervisorCore

/// A pool finds workers that hang.
struct PoolWatchTests {
    private let start = ContinuousClock.now
    private static let limits = WatchLimits(
        heartbeatTimeout: .seconds(60),
        stallTimeout: .seconds(100),
        abortGrace: .seconds(5),
        endGrace: .seconds(35)
    )

    @Test("A stopped worker's lease is free within 40 s with the settings as they are by default")
    func defaults() throws {
        let limits = WatchLimits(try Settings.from([:]))
        // The last look before the limit may come just short of it. SIGKILL ends a worker that SIGABRT does not.
        #expect(limits.heartbeatTimeout + limits.interval + limits.abortGrace <= .seconds(40))
    }

    private func pool(_ limits: WatchLimits = limits) -> Pool {
        var pool = Pool(name: PoolName(stage: .process, kind: .video), wanted: 1, watch: limits)
        _ = pool.begin()
        _ = pool.started(slot: 1, processID: 7, at: start)
        return pool
    }

    private func report(activity: UInt64?, job: String? = "j") -> WorkerReport {
        var report = WorkerReport(state: .ready, stage: .process)
        report.job = job
        report.activity = activity
        return report
    }

    /// Looks once a second, and returns the seconds at which something was done, with that.
    private func look(_ pool: inout Pool, at seconds: ClosedRange<Int>) -> [Int: [Pool.Action]] {
        var found: [Int: [Pool.Action]] = [:]
        for second in seconds {
            let actions = pool.look(at: start + .seconds(second))
            if !actions.isEmpty { found[second] = actions }
        }
        return found
    }

    @Test("A worker that never reports gets SIGABRT when the time is over, and SIGKILL after a while")
    func neverReported() {
        var pool = pool()
        #expect(look(&pool, at: 0...64) == [60: [.abort(slot: 1, .silent(.seconds(60)))]])
        #expect(look(&pool, at: 65...65) == [65: [.kill(slot: 1)]])
    }

    @Test("Each report gives a worker the whole time again")
    func heartbeat() {
        var pool = pool()
        for second in stride(from: 0, to: 600, by: 50) {
            #expect(look(&pool, at: second...second + 49) == [:])
            _ = pool.reported(slot: 1, report(activity: nil, job: nil), at: start + .seconds(second + 50))
        }
        #expect(look(&pool, at: 600...664) == [660: [.abort(slot: 1, .silent(.seconds(60)))]])
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// The report of each second.
        var report: @Sendable (Int) -> (activity: UInt64?, job: String?)
        var stalledAt: Int?
    }

    @Test(
        "A worker that reports is stalled when its work on one job makes no progress",
        arguments: [
            Case(testDescription: "work stands still", report: { _ in (4, "j") }, stalledAt: 100),
            Case(testDescription: "slow progress", report: { (UInt64($0 / 90), "j") }),
            Case(testDescription: "work stops later", report: { (UInt64(min($0, 50)), "j") }, stalledAt: 150),
            Case(testDescription: "it waits for a job", report: { _ in (nil, nil) }),
            Case(testDescription: "it waits for the broker", report: { _ in (nil, "j") }),
            Case(testDescription: "jobs change", report: { (0, "j\($0 / 90)") }),
            Case(testDescription: "it waits in between", report: { ($0 % 90 == 0 ? nil : 0, "j") }),
        ]
    )
    func stall(_ row: Case) {
        var pool = pool()
        var stalledAt: Int?
        for second in 0...400 where stalledAt == nil {
            let (activity, job) = row.report(second)
            #expect(pool.reported(slot: 1, report(activity: activity, job: job), at: start + .seconds(second)) == [])
            let actions = pool.look(at: start + .seconds(second))
            guard let action = actions.first else { continue }
            #expect(action == .abort(slot: 1, .stalled(job: "j", .seconds(100))))
            stalledAt = second
        }
        #expect(stalledAt == row.stalledAt)
    }

    @Test("Without a limit no work is stalled")
    func noStallLimit() {
        var limits = Self.limits
        limits.stallTimeout = nil
        var pool = pool(limits)
        for second in 0...10_000 {
            _ = pool.reported(slot: 1, report(activity: 1), at: start + .seconds(second))
            #expect(pool.look(at: start + .seconds(second)) == [])
        }
    }

    @Test("The end of a worker that hung is a death, with the cause on record, and its successor starts afresh")
    func endOfHung() {
        var pool = pool()
        _ = look(&pool, at: 0...61)
        let actions = pool.ended(slot: 1, cause: "signal 6", at: start + .seconds(62), jitter: 1)
        #expect(actions == [.retry(slot: 1, turn: 1, after: .milliseconds(200))])
        #expect(pool.lastExit?.cause == "no sign of life for 60.0 s, so it was ended: signal 6")
        #expect(pool.retryIsDue(slot: 1, turn: 1) == [.start(slot: 1)])
        #expect(look(&pool, at: 63...63) == [:])
        _ = pool.started(slot: 1, processID: 8, at: start + .seconds(63))
        #expect(look(&pool, at: 64...122) == [:])
    }

    @Test("A worker that was told to end has its time to do so, and is killed then")
    func slowEnd() {
        var pool = pool()
        #expect(pool.scale(to: 0) == [.terminate(slot: 1)])
        for second in 0..<35 {
            _ = pool.reported(slot: 1, WorkerReport(state: .draining), at: start + .seconds(second))
            #expect(pool.look(at: start + .seconds(second)) == [])
        }
        #expect(pool.look(at: start + .seconds(35)) == [.kill(slot: 1)])
    }

    @Test("When nobody looked for long, as on a host that slept, nobody is blamed for that time")
    func sleepingHost() {
        var pool = pool()
        _ = pool.reported(slot: 1, report(activity: 1), at: start)
        #expect(look(&pool, at: 0...1) == [:])
        #expect(look(&pool, at: 3600...3659) == [:])
        #expect(look(&pool, at: 3660...3660) == [3660: [.abort(slot: 1, .silent(.seconds(60)))]])
    }

    @Test("Reports are asked for often enough that four come within each limit")
    func interval() throws {
        let cases: [(variables: [String: String], interval: Duration)] = [
            ([:], .seconds(5)), (["HEARTBEAT_TIMEOUT_SECONDS": "4"], .seconds(1)),
            (["STALL_SECONDS": "2"], .milliseconds(500)),
            (["STALL_SECONDS": "0", "HEARTBEAT_TIMEOUT_SECONDS": "8"], .seconds(2)),
            (["STALL_SECONDS": "0.001"], .milliseconds(50)),
        ]
        for (variables, interval) in cases {
            let settings = try Settings.from(variables)
            #expect(settings.reportInterval == interval)
            #expect(WatchLimits(settings).interval == interval)
        }
    }
}
