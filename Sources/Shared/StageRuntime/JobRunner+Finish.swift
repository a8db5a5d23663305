internal import AMQP
internal import CrashPoints
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
    func finish(_ ticket: Ticket, _ delivery: JobDelivery, _ logger: Logger) async throws {
        let outcome = ticket.outcome ?? .completed
        var record = ticket
        record.outcome = outcome
        if outcome != .failed { record.failure = nil }
        record.previousPhase = .cleanup
        record.phase = outcome == .completed ? .completed : .failed
        record.tempFiles = []
        if outcome == .completed {
            _ = try await tracker.recordProgress(ticket.key, percent: 100, step: UpdateStep.completed(.cleanup))
        }
        let isOurs = try await tracker.end(
            ticket.key,
            outcome: outcome,
            token: finishToken(ticket),
            record: record.json.serialized()
        )
        guard isOurs else {
            logger.notice("another message already ended this job; the duplicate was dropped")
            await acknowledge(delivery, logger)
            return
        }
        CrashPoint.endRecorded.cross()
        try await announceEnd(record, delivery, logger)
    }

    /// Publishes the terminal update and acknowledges, as one. Returns when that is done, or when the broker will deliver the
    /// message again by itself.
    ///
    /// - Throws: `CancellationError` when the worker drains while the broker takes no messages. Nothing has happened then.
    func announceEnd(_ ticket: Ticket, _ delivery: JobDelivery, _ logger: Logger) async throws {
        let outcome = ticket.outcome ?? .completed
        var letters = try await self.letters(ticket, outcome)
        var failures = 0
        while true {
            do {
                try await delivery.message.acknowledge(
                    publishing: letters.map { (message: $0.message, queue: $0.queue.name) }
                )
                break
            } catch let error {
                failures += 1
                switch error.code {
                case .staleDelivery, .unconfirmed, .alreadySettled, .closed:
                    logger.notice(
                        "the end of the job was not announced, or not confirmed; the broker will deliver again if not",
                        metadata: [LogKey.cause: "\(error.message)"]
                    )
                    return
                case .unroutableAfterCommit:
                    for letter in letters where letter.queue.name == error.queue {
                        try await publisher.publish(letter.message, to: letter.queue)
                    }
                case .unroutable:
                    // Nothing happened; the queues are made, and all of it is tried again.
                    for letter in letters {
                        try? await topology.declare(letter.queue, on: publisher.client, logger: logger)
                    }
                    try await Pause.after(failures: failures)
                    continue
                case .invalidArgument where failures == 1:
                    logger.error("the job's end is announced in short", metadata: [LogKey.cause: "\(error.message)"])
                    letters = try await self.letters(short(ticket), outcome)
                    continue
                default:
                    // The delivery is still ours, so nobody else will announce the end.
                    logger.warning("the job's end is not announced yet", metadata: [LogKey.cause: "\(error.message)"])
                    try await Pause.after(failures: failures)
                    continue
                }
                break
            }
        }
        CrashPoint.endCommitted.cross()
        status.update { $0.counters.end(outcome) }
        logger.info("the job ended", metadata: [LogKey.jobOutcome: "\(outcome.rawValue)"])
    }

    private struct Letter: Sendable {
        var message: AMQPMessage
        var queue: AMQPQueue
    }

    private func letters(_ ticket: Ticket, _ outcome: JobOutcome) async throws -> [Letter] {
        let update = try await terminalUpdate(ticket, outcome)
        let letter = Letter(message: UpdatePublisher.message(update), queue: topology.updates)
        return outcome == .failed ? [letter, Letter(message: deadLetter(ticket), queue: topology.dead)] : [letter]
    }

    /// What is left of a ticket whose messages the broker cannot take: enough to know the job and its end.
    private func short(_ ticket: Ticket) -> Ticket {
        var short = Ticket(id: ticket.id, mediaID: ticket.mediaID.clipped(toBytes: 1024), kind: ticket.kind)
        short.sourceKey = ticket.sourceKey?.clipped(toBytes: 1024)
        short.source = ticket.source?.clipped(toBytes: 1024)
        short.hop = ticket.hop
        short.redrives = ticket.redrives
        short.failure = ticket.failure.map {
            JobFailure(stage: $0.stage, code: $0.code, message: $0.message, occurredAt: $0.occurredAt)
        }
        short.outcome = ticket.outcome
        return short
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
            errorMessage: outcome != .failed
                ? nil : ticket.failure.map { "job \(ticket.id) failed in \($0.stage.rawValue): \($0.message)" },
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
