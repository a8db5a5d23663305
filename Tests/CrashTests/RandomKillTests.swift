import AMQP
import Foundation
import JobModel
import TestSupport
import Testing

@Suite("Random kills", .serialized)
struct RandomKillTests {
    private static let jobsEachRound = 200
    private static let killsEachRound = 300
    private static let killsAhead = 12.0
    private static let killsPerEnd = 1.5

    /// MAX_STARTS counts deaths of workers against the job that they had, and in this test no job is at fault: at its
    /// default of 3, the third kill that happens to hit the same stage of the same job would rightly fail it. 100 is
    /// its highest value.
    @Test("of any worker at any moment lose no job, end none twice and leave no byte")
    func workers() async throws {
        var generator = Seed.generator()
        try await Watch.with([
            "MAX_STARTS": "100",
            "WORKERS": Stage.allCases.map { "\($0.rawValue).image=2,\($0.rawValue).video=0" }.joined(separator: ","),
        ]) { watch in
            let began = ContinuousClock.now
            var kills = 0
            var victims: [String: Int] = [:]
            for round in 1...Rounds.count {
                var jobs: [String] = []
                var lastKill = ContinuousClock.now
                var allowance = Self.killsAhead
                var ended = watch.ends.all.count
                while jobs.count < Self.jobsEachRound || kills < Self.killsEachRound * round
                    || !watch.areDone(jobs)
                {
                    // So that each kill meets work, jobs go on coming for as long as kills do.
                    var unfinished = jobs.count { watch.ends.of($0).isEmpty }
                    while unfinished < 12, jobs.count < Self.jobsEachRound || kills < Self.killsEachRound * round {
                        let id = "round-\(round)-\(jobs.count)"
                        jobs.append(id)
                        try await watch.submit(.image, id: id)
                        unfinished += 1
                    }
                    // A kill delays the pool's next start. With all pools waiting, kills that did not follow progress
                    // would meet only workers that have just started, one after the other, and no job would be done.
                    let before = ended
                    ended = watch.ends.all.count
                    allowance = min(allowance + Double(ended - before) * Self.killsPerEnd, Self.killsAhead)
                    if kills < Self.killsEachRound * round, allowance >= 1,
                        let victim = watch.tree.workers().randomElement(using: &generator)
                    {
                        kill(victim.processID, SIGKILL)
                        kills += 1
                        allowance -= 1
                        victims[victim.name, default: 0] += 1
                        lastKill = .now
                    }
                    if ContinuousClock.now - lastKill > .seconds(120) { break }
                    // The next kill is to come at a moment of chance, and not at one that something announces.
                    try await Task.sleep(for: .milliseconds(Int.random(in: 20...300, using: &generator)))
                }
                for job in jobs {
                    #expect(watch.ends.of(job) == ["completed"], "\(job)")
                    if watch.ends.of(job) == ["completed"] { try watch.expectWhole(.image, id: job) }
                }
                try await eventually("nothing is left", within: .seconds(60)) {
                    guard watch.bystander.strangers(in: watch.tree).isEmpty else { return false }
                    return try await watch.bystander.strangersOnTheBooks() == 0
                }
            }
            let time = ContinuousClock.now - began
            let each = victims.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            print("random kills: \(watch.ends.all.count) jobs, \(kills) kills (\(each)) in \(time)")
            #expect(kills >= Self.killsEachRound * Rounds.count)
        }
    }
}

extension Watch {
    func areDone(_ jobs: [String]) -> Bool { jobs.allSatisfy { !ends.of($0).isEmpty } }
}
