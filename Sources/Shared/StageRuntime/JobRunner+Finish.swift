internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import ServiceKit
internal import TempFiles

extension JobRunner {
    /// Ends a job whose files are gone: books first, then clients.
    ///
    /// The ledger remembers the job as finished under this message's token. The terminal update, the dead letter of a failed
    /// job and the acknowledgement are one broker transaction, so a worker that dies has done all of it or none: without the
    /// commit the message comes back with the same token and is announced again; with it, it never comes back.
    func finish(_ ticket: Ticket, _ delivery: AMQPDelivery, _ logger: Logger) async throws {
        let outcome = ticket.outcome ?? .completed
        let token = finishToken(ticket)
        guard try await tracker.claimFinish(ticket.key, outcome: outcome, token: token) else {
            logger.notice("another message already ends this job; the duplicate was dropped")
            await acknowledge(delivery, logger)
            return
        }
        var record = ticket
        record.previousPhase = .cleanup
        record.phase = outcome == .completed ? .completed : .failed
        record.tempFiles = []
        if outcome == .completed {
            _ = try await tracker.recordProgress(ticket.key, percent: 100, step: UpdateStep.completed(.cleanup))
        }
        try await tracker.finish(ticket.key, outcome: outcome, record: record.json.serialized())
        try await announceEnd(record, delivery, logger)
    }

    /// Publishes the terminal update and acknowledges, as one.
    func announceEnd(_ ticket: Ticket, _ delivery: AMQPDelivery, _ logger: Logger) async throws {
        let outcome = ticket.outcome ?? .completed
        let update = try await terminalUpdate(ticket, outcome)
        var letters = [Letter(message: UpdatePublisher.message(update), queue: topology.updates)]
        if outcome == .failed { letters.append(Letter(message: deadLetter(ticket), queue: topology.dead)) }
        do {
            try await commit(letters, with: delivery, logger)
        } catch let error as AMQPError {
            logger.notice(
                "the end of the job was not announced; the broker will deliver again",
                metadata: [LogKey.cause: "\(error.message)"]
            )
            return
        }
        logger.info("the job ended", metadata: [LogKey.jobOutcome: "\(outcome.rawValue)"])
    }

    private func commit(_ letters: [Letter], with delivery: AMQPDelivery, _ logger: Logger) async throws {
        let publications = letters.map { (message: $0.message, queue: $0.queue.name) }
        for _ in 0..<3 {
            do {
                try await delivery.acknowledge(publishing: publications)
                return
            } catch let error {
                switch error.code {
                case .unroutable:
                    // Nothing happened; the queues are made, and all of it is tried again.
                    for letter in letters {
                        try await topology.declare(letter.queue, on: publisher.client, logger: logger)
                    }
                case .unroutableAfterCommit:
                    for letter in letters where letter.queue.name == error.queue {
                        try await publisher.publish(letter.message, to: letter.queue)
                    }
                    return
                default: throw error
                }
            }
        }
        throw AMQPError(.unroutable, "the updates queue vanishes again and again", isRetriable: true)
    }

    private struct Letter: Sendable {
        var message: AMQPMessage
        var queue: AMQPQueue
    }

    /// The same at every delivery of one message, different for every publish.
    func finishToken(_ ticket: Ticket) -> String { ticket.transfer ?? "hop-\(ticket.hop)" }

    private func terminalUpdate(_ ticket: Ticket, _ outcome: JobOutcome) async throws -> ProgressUpdate {
        let progress = try await tracker.job(ticket.key)?.progress ?? 0
        let status: ProgressUpdate.Status =
            switch outcome {
            case .completed: .completed
            case .failed: .failed
            case .cancelled: .cancelled
            }
        let failedStage = ticket.failure?.stage ?? .cleanup
        return ProgressUpdate(
            ticket: ticket,
            status: status,
            progress: outcome == .completed ? 100 : progress,
            currentStep: outcome == .failed ? UpdateStep.failed(failedStage) : UpdateStep.completed(.cleanup),
            errorMessage: ticket.failure.map { "job \(ticket.id) failed in \($0.stage.rawValue): \($0.message)" },
            timestamp: Timestamp.string(Date())
        )
    }

    /// The whole ticket, so that the job can be run again once the cause is gone.
    private func deadLetter(_ ticket: Ticket) -> AMQPMessage {
        var letter = Publisher.message(ticket)
        letter.headers["x-reason"] = .string(ticket.failure?.message ?? "unknown")
        letter.headers["x-reason-code"] = .string(ticket.failure?.code ?? "unknown")
        letter.headers["x-stage"] = .string(ticket.failure?.stage.rawValue ?? stage.rawValue)
        letter.headers["x-job-id"] = .string(ticket.id)
        letter.headers["x-failed-at"] = .string(ticket.failure?.occurredAt ?? "")
        return letter
    }
}
