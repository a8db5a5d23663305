import JobModel
import Queues
import StageRuntime
import Testing

@Suite("The retry policy")
struct RetryPolicyTests {
    @Test(
        "decides by verdict",
        arguments: [
            (StageFailure.Verdict.permanent, Int64(0), Int64(0), Stage.process, RetryPolicy.Decision.fail),
            (.transient, 0, 0, .process, .retry(stepMilliseconds: 1_000)),
            (.transient, 1, 0, .download, .retry(stepMilliseconds: 5_000)),
            (.transient, 3, 0, .upload, .retry(stepMilliseconds: 120_000)),
            (.transient, 4, 0, .upload, .fail),
            (.sourceGone, 0, 0, .process, .backToDownload),
            (.sourceGone, 0, 2, .upload, .backToDownload),
            (.sourceGone, 0, 3, .upload, .fail),
            (.sourceGone, 0, 0, .download, .fail),
            (.sourceGone, 0, 0, .cleanup, .fail),
        ]
    )
    func decisions(
        verdict: StageFailure.Verdict,
        attempt: Int64,
        downloads: Int64,
        stage: Stage,
        expected: RetryPolicy.Decision
    ) {
        let policy = RetryPolicy(maximumAttempts: 5)
        #expect(policy.decide(verdict, attempt: attempt, downloads: downloads, stage: stage) == expected)
    }

    @Test("has a longest delay")
    func longestDelay() {
        let policy = RetryPolicy(maximumAttempts: 100)
        #expect(
            policy.decide(.transient, attempt: 98, downloads: 0, stage: .upload) == .retry(stepMilliseconds: 600_000)
        )
    }

    @Test("leaves a retry a choice of delays around its step, each of one step only")
    func jitter() {
        for step in QueueNames.retrySteps {
            let delays = QueueNames.retryDelays(ofStep: step)
            #expect(delays.contains(step))
            #expect(delays.count == 3)
            #expect(delays.allSatisfy { $0 * 10 >= step * 8 && $0 * 10 <= step * 13 })
        }
        let all = QueueNames.retryDelaysMilliseconds
        #expect(all == all.sorted())
        #expect(Set(all).count == all.count)
    }
}
