internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import Queues
internal import TempFiles

/// The message that ends an abandoned or cancelled job the ordinary way: its clean-up stage deletes the files, then
/// tells clients, once.
enum AbandonedJobNotice {
    static let failureCode = "abandoned"

    /// The job's last ticket, on its way to clean-up. An end that the job had already come to stays as it was.
    ///
    /// - Parameters:
    ///   - transfer: unique to this message.
    ///   - now: ISO 8601.
    static func ticket(_ job: AbandonedJob, transfer: String, now: String) -> Ticket {
        let record = job.record
        let known = job.ticket.flatMap { try? Ticket(parsing: $0, expecting: record.kind) }
        var ticket =
            known.flatMap { $0.key == record.key ? $0 : nil }
            ?? Ticket(
                id: record.id,
                mediaID: record.mediaID.isEmpty ? record.id : record.mediaID,
                kind: record.kind
            )
        ticket.hop = Ticket.counted(record.hop)
        ticket.transfer = transfer
        ticket.attempt = 0
        ticket.previousPhase = record.stage?.working
        ticket.phase = .cleanup
        // The ledger knows them better.
        ticket.tempFiles = nil
        if let claimed = record.outcome { ticket.outcome = claimed }
        if ticket.outcome == nil, record.isCancelRequested { ticket.outcome = .cancelled }
        if ticket.outcome == nil {
            ticket.outcome = .failed
            ticket.failure = JobFailure(
                stage: record.stage ?? .download,
                code: failureCode,
                message: "nobody worked on the job, and nothing was heard of it for \(hours(job.silence)) hours; "
                    + "submit it again under a new id",
                occurredAt: now
            )
        }
        return ticket
    }

    /// Publishes through `client`, which must be started.
    static func ender(_ client: AMQPClient, queues: QueueLayout) -> AbandonedJobEnder {
        { job in
            let ticket = ticket(job, transfer: UUID().uuidString, now: Timestamp.string(Date()))
            try await client.publish(ticket, declaring: queues.work(ticket.kind, .cleanup))
            return AbandonedHandOver(hop: ticket.hop, token: ticket.transfer ?? "")
        }
    }

    private static func hours(_ silence: Duration) -> String {
        let hours = silence.seconds / 3600
        return hours >= 10 ? "\(Int(min(hours, 1e9)))" : "\(Double(Int(hours * 100)) / 100)"
    }
}

extension BrokerLink {
    /// Publishes the message that ends an abandoned job.
    func end(_ job: AbandonedJob, queues: QueueLayout) async throws -> AbandonedHandOver {
        try await AbandonedJobNotice.ender(connected(), queues: queues)(job)
    }
}
