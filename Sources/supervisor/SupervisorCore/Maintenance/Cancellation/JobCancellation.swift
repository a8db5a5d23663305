internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import JobStore
internal import Logging
internal import TempFiles

/// Cancels jobs. A worker that has the job finds the wish in the ledger; a job that waits is given to its clean-up stage
/// from here, and the message that it waits with is stale from then on.
///
/// A job that no stage has seen ends when its message comes. It is looked for before only where a look costs the other messages
/// nothing: in classic queues that are this host's alone.
struct JobCancellation: Sendable {
    var tracker: TempFileTracker
    var broker: BrokerLink
    var queues: QueueLayout
    /// nil when there is no other host.
    var claims: ClaimsWatch?
    var logger: Logger

    /// What became of a wish to cancel a job.
    struct Result: Sendable, Equatable {
        var answer: CancelAnswer
        /// Of a job that no stage has seen: whether it was looked for wherever it could wait, so that there is none.
        var isAbsent = false
    }

    /// As ``request(_:)``.
    @discardableResult
    func cancel(_ job: JobKey) async throws -> CancelAnswer { try await request(job).answer }

    /// - Throws: ``TempFileError`` when the wish could not be noted. Once it is, the job ends as cancelled even if the broker
    ///   is away now. ``TreeError`` or `AMQPError` when it concerns other hosts and the broker is away: nothing is noted then.
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
            switch await findWaiting(job) {
            case .found: return Result(answer: .requested)
            case .absent: return Result(answer: answer, isAbsent: true)
            case .unknown: return Result(answer: answer)
            }
        }
    }

    /// Ends a job that is to be cancelled and waits.
    func end(_ job: JobKey) async {
        await trying(job) { logger in
            logger.info("the job is to be cancelled")
            let ender = AbandonedJobNotice.ender(try await broker.connected(), queues: queues)
            if try await tracker.jobs.endCancelled(job, ender) { logger.info("the job waited; it goes to clean-up") }
        }
    }

    private enum Search {
        case found
        /// All messages were looked at.
        case absent
        case unknown
    }

    /// Looks for the message of a job that no stage has seen, and sends it to clean-up.
    private func findWaiting(_ job: JobKey) async -> Search {
        // A quorum queue counts each look at a message, and gives up what was looked at too often.
        guard queues.type == .classic else { return .unknown }
        var search = Search.unknown
        await trying(job) { logger in
            var isComplete = true
            // The workers move messages from the first to the second.
            for queue in [queues.names.legacyRequests(job.kind), queues.names.work(job.kind, .download)] {
                switch try await findWaiting(job, in: queue) {
                case .found:
                    logger.info("the job waited for its download; it goes to clean-up")
                    search = .found
                    return
                case .absent: continue
                case .unknown: isComplete = false
                }
            }
            if isComplete { search = .absent }
        }
        return search
    }

    private func trying(_ job: JobKey, _ body: (Logger) async throws -> Void) async {
        var logger = logger
        logger[metadataKey: LogKey.jobID] = "\(job.id)"
        logger[metadataKey: LogKey.jobKind] = "\(job.kind.rawValue)"
        do {
            try await body(logger)
        } catch {
            logger.warning(
                "the job is cancelled when its message is next delivered",
                metadata: [LogKey.cause: "\(error)"]
            )
        }
    }

    private func findWaiting(_ job: JobKey, in queue: String) async throws -> Search {
        guard let endpoints = await broker.endpoints else { return .unknown }
        var search = Search.absent
        let browser = QueueBrowser(endpoints: endpoints, renewingAfter: queues.returnsBeforeRenewal)
        let sight = try await browser.browse(queue) { delivery, client in
            guard let ticket = try? Ticket(parsing: delivery.body, expecting: job.kind), ticket.key == job else {
                return .next
            }
            search = .unknown
            // Under its lease the job is put on the books, as a worker would do it.
            guard case .acquired(let lease) = try await tracker.acquireLease(job, timeout: .zero) else { return .stop }
            _ = try await tracker.jobs.begin(
                job,
                stage: .download,
                hop: ticket.hop,
                run: JobRun(redrives: ticket.redrives, attempt: ticket.attempt),
                mediaID: ticket.mediaID,
                source: ticket.sourceText,
                manifest: nil,
                ticket: ticket.json.serialized(),
                content: ticket.content
            )
            lease.release()
            if try await tracker.jobs.endCancelled(job, AbandonedJobNotice.ender(client, queues: queues)) {
                search = .found
                try? await delivery.acknowledge()
            }
            return .stop
        }
        if case .absent = search, sight.seen < sight.waiting { return .unknown }
        return search
    }
}
