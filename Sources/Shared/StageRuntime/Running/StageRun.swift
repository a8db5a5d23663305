internal import JobModel
internal import Logging

/// One run of a stage on one job: the value that every step after the entry is given, in place of its parts.
struct StageRun: Sendable {
    /// As the message had it, with the deaths of workers that the ledger knows.
    let ticket: Ticket
    let delivery: JobDelivery
    /// The ledger's answer: lease, number of the start, files.
    let entered: EnteredJob
    let telemetry: JobTelemetry
    let logger: Logger
    let began: ContinuousClock.Instant

    var job: ReceivedJob { ReceivedJob(ticket, delivery, logger: logger) }
    var lease: any HeldLease { entered.lease }
    var starts: Int { entered.starts }
}

/// The outcome of a stage's work on a job. A drained worker's work has no outcome: its job goes back.
enum WorkOutcome: Sendable {
    /// The ticket has what the stage adds to it.
    case done(Ticket)
    case failed(StageFailure)
    /// Somebody wants the job cancelled, and its work has stopped or was not begun.
    case cancelled
    /// The work goes on though it was told to stop, and cannot be waited for.
    case leftBehind(isCancelled: Bool)
}
