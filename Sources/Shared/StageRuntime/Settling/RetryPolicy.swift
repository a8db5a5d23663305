package import JobModel
internal import Queues

/// Decides what becomes of a job whose stage failed. Pure: see ``Settlement``.
package struct RetryPolicy: Sendable, Hashable {
    /// Attempts of one stage, the first one included.
    package var maximumAttempts: Int64
    /// How often a job may go back to download because its files are gone.
    package var maximumDownloads: Int64 = 3

    /// Between two looks at a job that another worker holds. Costs no attempt.
    package static let leaseDelayMilliseconds = 5_000

    /// Between two looks for room on the disk. Costs no attempt.
    package static let spaceDelayMilliseconds = 5_000

    /// Between two looks whether another job, which puts objects under the same keys, has ended. Costs no attempt.
    package static let otherJobDelayMilliseconds = 5_000

    /// For so long a job waits at a stage for a host that is away before that costs attempts.
    package static let awaySeconds: Int64 = 3_600

    package enum Decision: Sendable, Hashable {
        /// After any of ``QueueNames/retryDelays(ofStep:)``.
        case retry(stepMilliseconds: Int)
        /// As a retry that is not counted.
        case waitForSpace(delayMilliseconds: Int)
        /// As a retry that is not counted.
        case waitForOtherJob(delayMilliseconds: Int)
        /// As ``retry(stepMilliseconds:)``, and not counted.
        case waitForHost(stepMilliseconds: Int)
        case backToDownload
        case fail
    }

    package init(maximumAttempts: Int64) { self.maximumAttempts = maximumAttempts }

    /// - Parameters:
    ///   - attempt: retries of this stage so far.
    ///   - downloads: how often the job went back to download so far.
    ///   - waitedSeconds: how long the stage has waited for hosts that were away so far.
    ///   - retryAfter: how long the other side asks to be left alone.
    package func decide(
        _ verdict: StageFailure.Verdict,
        attempt: Int64,
        downloads: Int64,
        stage: Stage,
        waitedSeconds: Int64 = 0,
        retryAfter: Duration? = nil
    ) -> Decision {
        switch verdict {
        case .permanent: return .fail
        case .noRoom: return .waitForSpace(delayMilliseconds: Self.spaceDelayMilliseconds)
        case .otherJob: return .waitForOtherJob(delayMilliseconds: Self.otherJobDelayMilliseconds)
        case .sourceGone where downloads < maximumDownloads && stage.traits.mayReturnToDownload:
            return .backToDownload
        case .sourceGone: return .fail
        case .away where waitedSeconds < Self.awaySeconds:
            // Soon at first: a host that is started anew is back in seconds.
            let step = waitedSeconds < 30 ? 1 : waitedSeconds < 300 ? 2 : 3
            return .waitForHost(stepMilliseconds: Self.step(step, after: retryAfter))
        case .transient, .away:
            guard attempt + 1 < maximumAttempts else { return .fail }
            return .retry(stepMilliseconds: Self.step(Int(clamping: attempt), after: retryAfter))
        }
    }

    /// The step, or a longer one whose shortest delay is as long as the other side asks for.
    private static func step(_ index: Int, after wanted: Duration?) -> Int {
        let steps = QueueNames.retrySteps
        let step = steps[min(max(index, 0), steps.count - 1)]
        guard let wanted else { return step }
        let isEnough = { (step: Int) in
            let shortest = QueueNames.retryDelays(ofStep: step).min() ?? step
            return Duration.milliseconds(shortest) >= wanted
        }
        return max(step, steps.first(where: isEnough) ?? steps[steps.count - 1])
    }
}
