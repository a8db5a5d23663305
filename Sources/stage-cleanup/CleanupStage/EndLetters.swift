internal import AMQP
internal import JobModel
internal import Queues
internal import StageRuntime
internal import TempFiles

/// The messages that tell of a job's end. Pure: all they say comes from the ledger, so they are the same however often
/// the end is told.
struct EndLetters: Sendable {
    let end: JobRecord
    /// As it was recorded at the end.
    let ticket: Ticket

    private var outcome: JobOutcome { end.outcome ?? .completed }

    /// The update that clients get.
    ///
    /// - Parameter isShort: without all that can be left out.
    func update(isShort: Bool = false) -> AMQPMessage {
        let update = AMQPMessage(terminalUpdate(isShort ? ticket.shortened : ticket))
        // Each output has its key twice there. A broker may take no more than 16 MiB, and the end must be told.
        return update.body.count > Ticket.maximumBytes ? AMQPMessage(terminalUpdate(ticket.shortened)) : update
    }

    /// The whole ticket of a failed job, so that the job can be run again once the cause is gone; nil for another
    /// outcome.
    func deadLetter(isShort: Bool = false) -> AMQPMessage? {
        guard end.outcome == .failed else { return nil }
        let ticket = isShort ? ticket.shortened : ticket
        var letter = AMQPMessage(ticket)
        // It may be sent back to download, which has to accept it.
        if letter.body.count > Ticket.maximumBytes { letter = AMQPMessage(ticket.shortened) }
        letter.headers["x-reason"] = .string(ticket.failure?.message ?? "unknown")
        letter.headers["x-reason-code"] = .string(ticket.failure?.code ?? JobFailure.unknownCode)
        letter.headers["x-stage"] = .string(ticket.failure?.stage.rawValue ?? Stage.cleanup.rawValue)
        letter.headers["x-job-id"] = .string(ticket.id.string)
        letter.headers["x-failed-at"] = .string(ticket.failure?.occurredAt ?? "")
        return letter
    }

    private func terminalUpdate(_ ticket: Ticket) -> ProgressUpdate {
        let status: ProgressUpdate.Status =
            switch outcome {
            case .completed: .completed
            case .failed: .failed
            case .cancelled: .cancelled
            }
        let failedStage = ticket.failure?.stage ?? .cleanup
        var update = ProgressUpdate(
            ticket: ticket,
            status: status,
            progress: outcome == .completed ? 100 : end.progress,
            currentStep: outcome == .failed ? UpdateStep.failed(failedStage) : UpdateStep.completed(.cleanup),
            stage: .cleanup,
            timestamp: Timestamp.string(end.finishedAt ?? end.updatedAt)
        )
        if end.leftFiles > 0 { update.warnings.append(.filesLeft(end.leftFiles, bytes: end.leftBytes)) }
        if end.leftObjects > 0 { update.warnings.append(.objectsLeft(end.leftObjects)) }
        return update
    }
}
