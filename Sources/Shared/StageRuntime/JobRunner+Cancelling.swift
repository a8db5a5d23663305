internal import AMQP
internal import JobModel
internal import Logging
internal import ServiceKit
internal import TempFiles

/// The job at hand is to be given up, because somebody asked for it.
struct JobCancelled: Error {}

extension JobRunner {
    /// Between two looks for a wish to cancel the job at hand. The wish is a row of the ledger, which tells nobody that it has
    /// changed; a look costs some microseconds, and needs no supervisor that is alive.
    private static let cancellationInterval = Duration.milliseconds(500)

    /// Returns when the work is over, which cancels the task.
    ///
    /// - Throws: ``JobCancelled``.
    func watchForCancellation(_ job: JobKey, _ logger: Logger) async throws {
        while true {
            do { try await Task.sleep(for: Self.cancellationInterval) } catch { return }
            let isWanted: Bool
            do {
                isWanted = try await tracker.isCancelRequested(job)
            } catch {
                logger.warning("not known whether the job is to be cancelled", metadata: [LogKey.cause: "\(error)"])
                continue
            }
            if isWanted { throw JobCancelled() }
        }
    }

    /// A delivery of a job that is to be cancelled.
    func meetCancellation(
        _ ticket: Ticket,
        _ entered: EnteredStage,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        guard stage == .cleanup else {
            try await giveUp(ticket, entered.lease, delivery, logger)
            return
        }
        // The wish was noted before the job came to its end, so it was promised this one.
        var cancelled = ticket
        cancelled.outcome = .cancelled
        try await work(cancelled, entered, delivery, logger)
    }

    /// Sends the job to its clean-up stage.
    func giveUp(_ ticket: Ticket, _ lease: JobLease, _ delivery: JobDelivery, _ logger: Logger) async throws {
        logger.notice("the job is cancelled", metadata: [LogKey.stageName: "\(stage.rawValue)"])
        var cancelled = ticket
        cancelled.outcome = .cancelled
        cancelled.failure = nil
        cancelled.previousPhase = stage.working
        cancelled.phase = .cleanup
        try await pass(cancelled, to: .cleanup, lease, delivery, logger)
    }
}
