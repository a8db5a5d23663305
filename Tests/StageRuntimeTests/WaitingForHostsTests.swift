import JobModel
import Testing

@testable import StageRuntime

@Suite("Jobs that wait for hosts")
struct WaitingForHostsTests {
    private func absence(_ host: String, since: Int64 = 1, jobs: Int = 0, isResting: Bool = false) -> HostAbsence {
        HostAbsence(host: host, since: since, cause: "no connection to it", jobs: jobs, isResting: isResting)
    }

    private func job(_ number: Int) -> JobKey { JobKey(kind: .video, id: ByteText("job-\(number)")) }

    @Test("are counted until their delay is over, or until they are here again")
    func counted() {
        let (waiting, now) = (WaitingForHosts(), ContinuousClock.now)
        for number in 1...3 { waiting.note(job(number), for: "a:1", until: now + .seconds(number)) }
        waiting.note(job(4), for: "b:1", until: now + .seconds(9))
        let absences = [absence("b:1"), absence("a:1")]
        #expect(waiting.news(of: absences, at: now) == [absence("a:1", jobs: 3), absence("b:1", jobs: 1)])
        #expect(waiting.news(of: absences, at: now) == nil)
        waiting.forget(job(3))
        #expect(
            waiting.news(of: absences, at: now + .seconds(1)) == [absence("a:1", jobs: 1), absence("b:1", jobs: 1)]
        )
        // The same job again is one job.
        waiting.note(job(2), for: "b:1", until: now + .seconds(9))
        #expect(waiting.news(of: absences, at: now + .seconds(1)) == [absence("b:1", jobs: 2)])
        // It has answered.
        #expect(waiting.news(of: [absence("a:1")], at: now + .seconds(1)) == [])
    }

    @Test("tell no host that nobody waits for and that may be asked, and a bounded number of others")
    func bounded() {
        let (waiting, now) = (WaitingForHosts(), ContinuousClock.now)
        #expect(waiting.news(of: [absence("a:1"), absence("b:1", isResting: true)], at: now) == [absence("b:1")])
        let many = (0..<100).map { absence("h\($0):1", since: Int64($0), isResting: true) }
        #expect(waiting.news(of: many, at: now)?.map(\.since) == [0, 1, 2, 3, 4])
    }
}
