internal import JobModel
internal import Logging

/// A message that is a job, before it is known whether this stage may work on it.
struct ReceivedJob: Sendable {
    var ticket: Ticket
    let delivery: JobDelivery
    /// Carries the job's id and kind.
    let logger: Logger

    init(_ ticket: Ticket, _ delivery: JobDelivery, logger: Logger) {
        self.ticket = ticket
        self.delivery = delivery
        var logger = logger
        logger[metadataKey: LogKey.jobID] = "\(ticket.id)"
        logger[metadataKey: LogKey.jobKind] = "\(ticket.kind.rawValue)"
        self.logger = logger
    }

    /// The same at every delivery of one message, different for every publish.
    var token: String { ticket.transfer ?? "hop-\(ticket.hop)" }
}
