import Testing

@testable import SupervisorCore

struct SweepScheduleTests {
    @Test("Sweeps come at the start and after every interval")
    func sweeps() {
        var schedule = SweepSchedule(interval: .seconds(100))
        let actions = [0, 1, 99, 100, 101, 250, 300].map {
            schedule.action(at: .seconds($0), hasStuckFiles: false)
        }
        #expect(actions == [.sweep, nil, nil, .sweep, nil, .sweep, nil])
    }

    @Test(
        "Stuck files are tried again after a minute, then less and less often, at least every hour, until they are gone"
    )
    func retries() {
        var schedule = SweepSchedule(interval: .seconds(100_000))
        _ = schedule.action(at: .zero, hasStuckFiles: false)
        var tries: [Int] = []
        for second in stride(from: 10, through: 20_000, by: 10)
        where schedule.action(at: .seconds(second), hasStuckFiles: true) == .retry { tries.append(second - 10) }
        #expect(tries == [60, 180, 420, 900, 1860, 3780, 7380, 10_980, 14_580, 18_180])
        #expect(schedule.action(at: .seconds(20_010), hasStuckFiles: false) == nil)
        #expect(schedule.action(at: .seconds(20_020), hasStuckFiles: true) == nil)
        #expect(schedule.action(at: .seconds(20_080), hasStuckFiles: true) == .retry)
    }

    @Test("What a clean-up was given up with is tried at once, and less and less often while it stays")
    func left() {
        var schedule = SweepSchedule(interval: .seconds(100_000))
        let tries = stride(from: 0, through: 400, by: 5).filter {
            schedule.isDueForLeft(at: .seconds($0), hasLeft: true)
        }
        #expect(tries == [0, 5, 15, 35, 75, 155, 315])
        let later = [(400, false), (401, true)].map { schedule.isDueForLeft(at: .seconds($0), hasLeft: $1) }
        #expect(later == [false, true])
    }

    @Test("A sweep that another process kept from happening is tried again soon")
    func postponed() {
        var schedule = SweepSchedule(interval: .seconds(100_000))
        _ = schedule.action(at: .zero, hasStuckFiles: false)
        schedule.postpone(until: .seconds(60))
        #expect(schedule.action(at: .seconds(59), hasStuckFiles: false) == nil)
        #expect(schedule.action(at: .seconds(60), hasStuckFiles: false) == .sweep)
    }
}

struct DiskAlertTests {
    @Test("Is raised at its threshold and cleared two per cent below, each told once")
    func hysteresis() {
        var alert = DiskAlert(percent: 90)
        let changes = [89.9, 90, 99, 88.1, 88, 87.9, 50, 90].map { alert.change(usedPercent: $0) }
        #expect(changes == [nil, .raised, nil, nil, nil, .cleared, nil, .raised])
        #expect(alert.isRaised)
    }
}
