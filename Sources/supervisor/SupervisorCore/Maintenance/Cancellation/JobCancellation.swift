internal import AMQP
internal import JobModel
internal import JobStore
internal import Logging
internal import Queues
internal import Settings
internal import TempFiles

/// Cancels jobs. A worker that has the job finds the wish in the ledger; a job that waits is given to its clean-up
/// stage from here, and the message that it waits with is stale from then on.
///
/// A job that no stage has seen ends when its message comes, or when ``WaitingJobs`` finds it before.
struct JobCancellation: Sendable {
    var tracker: TempFileTracker
    var broker: BrokerLink
    var queues: QueueLayout
    /// nil when there is no other host.
    var claims: ClaimsWatch?
    var search: WaitingJobs
    var logger: Logger

    /// The answer to a wish to cancel a job.
    struct Result: Sendable, Equatable {
        var answer: CancelAnswer
        /// Whether there is no such job: no stage has seen it, and it waits in no queue in which it could.
        var isAbsent = false
    }

    /// As ``request(_:)``.
    @discardableResult
    func cancel(_ job: JobKey) async throws -> CancelAnswer { try await request(job).answer }

    /// - Throws: ``TempFileError`` when the wish could not be noted. Once it is, the job ends as cancelled even if the
    ///   broker is away now. ``TreeError`` or `AMQPError` when it concerns other hosts and the broker is away: nothing
    ///   is noted then.
    func request(_ job: JobKey) async throws -> Result {
        let answer = try await tracker.jobs.requestCancel(job, isRemembered: claims == nil)
        switch answer {
        case .over:
            // Another host may have begun the job anew.
            guard let claims, try await claims.isElsewhere(job) else { return Result(answer: answer) }
            try await claims.wishCancelled(job)
            return Result(answer: .unknown)
        case .requested:
            await end(job)
            return Result(answer: answer)
        case .unknown:
            if let claims {
                try await claims.wishCancelled(job)
                return Result(answer: answer)
            }
            switch await search.cancel(job) {
            case .cancelled: return Result(answer: .requested)
            case .absent: return Result(answer: answer, isAbsent: true)
            case .unknown: return Result(answer: answer)
            }
        }
    }

    /// Ends a job that is to be cancelled and waits.
    func end(_ job: JobKey) async {
        let logger = logger.naming(job)
        do {
            logger.info("the job is to be cancelled")
            let ender = AbandonedJobNotice.ender(try await broker.connected(), queues: queues)
            if try await tracker.jobs.endCancelled(job, ender) { logger.info("the job waited; it goes to clean-up") }
        } catch {
            logger.cancelsLater(error)
        }
    }
}

extension Logger {
    func naming(_ job: JobKey) -> Logger {
        var logger = self
        logger[metadataKey: LogKey.jobID] = "\(job.id)"
        logger[metadataKey: LogKey.jobKind] = "\(job.kind.rawValue)"
        return logger
    }

    func cancelsLater(_ cause: any Error) {
        warning("the job is cancelled when its message is next delivered", metadata: [LogKey.cause: "\(cause)"])
    }
}
