import JobModel
import Testing

@testable import JobObjects

@Suite("An open upload")
struct StaleUploadPolicyTests {
    private let policy = StaleUploadPolicy(graceSeconds: 100, maximumAgeSeconds: 1000)
    private let job = JobKey(kind: .video, id: "job")

    @Test("of a job that is under way is somebody's, however old it is")
    func underWay() {
        for age: Int64? in [0, 99, 100, 1_000_000, nil] { #expect(policy.verdict(ageSeconds: age, .underWay) == nil) }
    }

    @Test("that is younger than the grace time is not spoken of", arguments: [Int64(0), 99])
    func young(age: Int64) {
        #expect(policy.verdict(ageSeconds: age, .unknown) == nil)
        #expect(policy.verdict(ageSeconds: age, .ended(job, secondsAgo: 0)) == nil)
    }

    @Test("of nobody who is known may be another host's, until no job is silent for so long")
    func unknown() {
        for (age, isRemovable): (Int64?, Bool) in [(100, false), (999, false), (1000, true), (nil, false)] {
            let verdict = policy.verdict(ageSeconds: age, .unknown)
            #expect(verdict?.reason == .unknownUpload && verdict?.job == nil && verdict?.isRemovable == isRemovable)
        }
    }

    @Test("of a job that has ended goes after the grace time, unless it was begun after that end")
    func ended() {
        let own = policy.verdict(ageSeconds: 300, .ended(job, secondsAgo: 200))
        #expect(own?.reason == .endedJob && own?.job == job && own?.isRemovable == true)
        let later = policy.verdict(ageSeconds: 150, .ended(job, secondsAgo: 200))
        #expect(later?.reason == .unknownUpload && later?.isRemovable == false)
        #expect(policy.verdict(ageSeconds: nil, .ended(job, secondsAgo: 200))?.isRemovable == false)
    }

    @Test("is not removed before the grace time, though that is longer than a job's greatest age")
    func longGrace() {
        let policy = StaleUploadPolicy(graceSeconds: 5000, maximumAgeSeconds: 1000)
        #expect(policy.verdict(ageSeconds: 4999, .unknown) == nil)
        #expect(policy.verdict(ageSeconds: 5000, .unknown)?.isRemovable == true)
    }
}
