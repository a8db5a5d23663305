public import JobModel

/// What becomes of a job whose stage failed. Pure: the runner acts on it.
public struct RetryPolicy: Sendable, Hashable {
    /// Of the stage, the first one included.
    public var maximumAttempts: Int64
    /// How often a job may go back to download because its files are gone.
    public var maximumDownloads: Int64 = 3

    /// Between two looks at a job that another worker holds. Costs no attempt.
    public static let leaseDelayMilliseconds = 5_000

    /// Between two looks for room on the disk. Costs no attempt.
    public static let spaceDelayMilliseconds = 5_000

    public enum Decision: Sendable, Hashable {
        /// After any of ``QueueNames/retryDelays(ofStep:)``.
        case retry(stepMilliseconds: Int)
        /// As a retry that is not counted.
        case waitForSpace(delayMilliseconds: Int)
        case backToDownload
        case fail
    }

    public init(maximumAttempts: Int64) { self.maximumAttempts = maximumAttempts }

    /// - Parameters:
    ///   - attempt: retries of this stage so far.
    ///   - downloads: how often the job went back to download so far.
    public func decide(
        _ verdict: StageFailure.Verdict,
        attempt: Int64,
        downloads: Int64,
        stage: Stage
    ) -> Decision {
        switch verdict {
        case .permanent: return .fail
        case .noRoom: return .waitForSpace(delayMilliseconds: Self.spaceDelayMilliseconds)
        case .sourceGone where downloads < maximumDownloads && stage != .download && stage != .cleanup:
            return .backToDownload
        case .sourceGone: return .fail
        case .transient:
            guard attempt + 1 < maximumAttempts else { return .fail }
            let step = min(Int(clamping: attempt), QueueNames.retrySteps.count - 1)
            return .retry(stepMilliseconds: QueueNames.retrySteps[step])
        }
    }
}
