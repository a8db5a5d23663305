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
            (.otherJob, 4, 0, .upload, .waitForOtherJob(delayMilliseconds: 5_000)),
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

    @Test(
        "waits for a host that is away, and counts no attempt for an hour",
        arguments: [
            (0, 0, RetryPolicy.Decision.waitForHost(stepMilliseconds: 5_000)),
            (4, 29, .waitForHost(stepMilliseconds: 5_000)), (0, 30, .waitForHost(stepMilliseconds: 30_000)),
            (0, 300, .waitForHost(stepMilliseconds: 120_000)), (0, 3_599, .waitForHost(stepMilliseconds: 120_000)),
            (0, 3_600, .retry(stepMilliseconds: 1_000)), (4, 3_600, .fail), (0, .max, .retry(stepMilliseconds: 1_000)),
        ] as [(Int64, Int64, RetryPolicy.Decision)]
    )
    func away(attempt: Int64, waited: Int64, expected: RetryPolicy.Decision) {
        let decision = RetryPolicy(maximumAttempts: 5)
            .decide(.away, attempt: attempt, downloads: 0, stage: .download, waitedSeconds: waited)
        #expect(decision == expected)
    }

    @Test(
        "comes back no sooner than the other side asks, by the shortest delay of a step",
        arguments: [(0.5, 1_000), (0.8, 1_000), (0.9, 5_000), (4, 5_000), (7, 30_000), (90, 120_000), (3600, 600_000)]
            as [(Double, Int)]
    )
    func retryAfter(seconds: Double, step: Int) {
        let policy = RetryPolicy(maximumAttempts: 5)
        let wanted = Duration.seconds(seconds)
        func decide(_ verdict: StageFailure.Verdict, _ attempt: Int64) -> RetryPolicy.Decision {
            policy.decide(verdict, attempt: attempt, downloads: 0, stage: .download, retryAfter: wanted)
        }
        #expect(decide(.transient, 0) == .retry(stepMilliseconds: step))
        #expect(decide(.transient, 3) == .retry(stepMilliseconds: max(step, 120_000)))
        #expect(decide(.away, 0) == .waitForHost(stepMilliseconds: max(step, 5_000)))
        #expect(decide(.permanent, 0) == .fail)
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
