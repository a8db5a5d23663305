internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import ServiceKit
internal import TempFiles

/// Cancels jobs. A worker that has the job finds the wish in the ledger; a job that waits is given to its clean-up stage
/// from here, and the message that it waits with is stale from then on.
struct JobCancellation: Sendable {
    var tracker: TempFileTracker
    var broker: BrokerLink
    var queues: QueueLayout
    var logger: Logger

    /// - Throws: ``TempFileError`` when the wish could not be noted. Once it is, the job ends as cancelled even if the broker
    ///   is away now.
    func cancel(_ job: JobKey) async throws -> CancelAnswer {
        let answer = try await tracker.requestCancel(job)
        var logger = logger
        logger[metadataKey: LogKey.jobID] = "\(job.id)"
        logger[metadataKey: LogKey.jobKind] = "\(job.kind.rawValue)"
        do {
            switch answer {
            case .over: break
            case .requested:
                logger.info("the job is to be cancelled")
                let ender = AbandonedJobNotice.ender(try await broker.connected(), queues: queues)
                if try await tracker.endCancelled(job, ender) { logger.info("the job waited; it goes to clean-up") }
            case .unknown:
                guard try await findWaiting(job) else { break }
                logger.info("the job waited for its download; it goes to clean-up")
                return .requested
            }
        } catch {
            logger.warning(
                "the job is cancelled when its message is next delivered",
                metadata: [LogKey.cause: "\(error)"]
            )
        }
        return answer
    }

    /// Looks for the message of a job that no stage has seen, and sends it to clean-up.
    private func findWaiting(_ job: JobKey) async throws -> Bool {
        for queue in queues.names.sources(job.kind, .download) where try await findWaiting(job, in: queue) {
            return true
        }
        return false
    }

    private func findWaiting(_ job: JobKey, in queue: String) async throws -> Bool {
        guard let endpoints = await broker.endpoints else { return false }
        var isFound = false
        let browser = QueueBrowser(endpoints: endpoints, renewingAfter: queues.returnsBeforeRenewal)
        _ = try await browser.browse(queue) { delivery, client in
            guard let ticket = try? Ticket(parsing: delivery.body, expecting: job.kind), ticket.key == job else {
                return .next
            }
            // Under its lease the job is put on the books, as a worker would do it.
            guard case .acquired(let lease) = try await tracker.acquireLease(job, timeout: .zero) else { return .stop }
            _ = try await tracker.begin(
                job,
                stage: .download,
                hop: ticket.hop,
                run: JobRun(redrives: ticket.redrives, attempt: ticket.attempt),
                mediaID: ticket.mediaID.string,
                manifest: nil,
                ticket: ticket.json.serialized()
            )
            lease.release()
            isFound = try await tracker.endCancelled(job, AbandonedJobNotice.ender(client, queues: queues))
            if isFound { try? await delivery.acknowledge() }
            return .stop
        }
        return isFound
    }
}
