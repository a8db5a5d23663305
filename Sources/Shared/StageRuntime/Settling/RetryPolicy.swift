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

    package enum Decision: Sendable, Hashable {
        /// After any of ``QueueNames/retryDelays(ofStep:)``.
        case retry(stepMilliseconds: Int)
        /// As a retry that is not counted.
        case waitForSpace(delayMilliseconds: Int)
        case backToDownload
        case fail
    }

    package init(maximumAttempts: Int64) { self.maximumAttempts = maximumAttempts }

    /// - Parameters:
    ///   - attempt: retries of this stage so far.
    ///   - downloads: how often the job went back to download so far.
    package func decide(
        _ verdict: StageFailure.Verdict,
        attempt: Int64,
        downloads: Int64,
        stage: Stage
    ) -> Decision {
        switch verdict {
        case .permanent: return .fail
        case .noRoom: return .waitForSpace(delayMilliseconds: Self.spaceDelayMilliseconds)
        case .sourceGone where downloads < maximumDownloads && stage.traits.mayReturnToDownload:
            return .backToDownload
        case .sourceGone: return .fail
        case .transient:
            guard attempt + 1 < maximumAttempts else { return .fail }
            let step = min(Int(clamping: attempt), QueueNames.retrySteps.count - 1)
            return .retry(stepMilliseconds: QueueNames.retrySteps[step])
        }
    }
}
