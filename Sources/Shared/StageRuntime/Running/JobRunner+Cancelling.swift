internal import AMQP
internal import JobModel
internal import Logging
internal import TempFiles

/// The job at hand is to be given up, because somebody asked for it.
struct JobCancelled: Error {}

extension JobRunner {
    /// Between two looks for a wish to cancel the job at hand. The wish is a row of the ledger, which tells nobody that it has
    /// changed; a look costs some microseconds, and needs no supervisor that is alive.
    private static let cancellationInterval = Duration.milliseconds(500)

    /// Returns when the work is over, which cancels the task.
    ///
    /// - Throws: ``JobCancelled``, which ends the work.
    func watchForCancellation(_ job: JobKey, _ logger: Logger) async throws {
        var isInTheDark = false
        while true {
            do { try await Task.sleep(for: Self.cancellationInterval) } catch { return }
            let isWanted: Bool
            do {
                isWanted = try await tracker.isCancelRequested(job)
                isInTheDark = false
            } catch {
                // Told once, however often in a row.
                logger.log(
                    level: isInTheDark ? .debug : .warning,
                    "not known whether the job is to be cancelled",
                    metadata: [LogKey.cause: "\(error)"]
                )
                isInTheDark = true
                continue
            }
            if isWanted {
                logger.info("the job is to be cancelled; its work is told to stop")
                throw JobCancelled()
            }
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
    ///
    /// - Parameter lease: as for ``pass(_:to:manifest:_:_:_:)``.
    func giveUp(_ ticket: Ticket, _ lease: JobLease?, _ delivery: JobDelivery, _ logger: Logger) async throws {
        logger.notice("the job is cancelled", metadata: [LogKey.stageName: "\(stage.rawValue)"])
        var cancelled = ticket
        cancelled.outcome = .cancelled
        cancelled.failure = nil
        cancelled.previousPhase = stage.working
        cancelled.phase = .cleanup
        try await pass(cancelled, to: .cleanup, lease, delivery, logger)
    }

    /// Settles a job whose work does not stop, and ends the process: no thread can be ended alone.
    ///
    /// The kernel drops the lease with the process, so whoever has the job next finds no file that is still being written.
    func depart(
        _ ticket: Ticket,
        _ starts: Int,
        _ left: WorkLeftBehind,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async -> Never {
        logger.warning(
            "the work on the job does not stop, as in a library's call that takes long; its worker ends",
            metadata: [LogKey.stageName: "\(stage.rawValue)"]
        )
        let isDrained = Task.isCancelled
        if left.cause is JobCancelled, !isDrained {
            do {
                try await giveUp(ticket, nil, delivery, logger)
            } catch {
                logger.warning(
                    "the job is cancelled when its message is next delivered",
                    metadata: [LogKey.cause: "\(error)"]
                )
                await uncount(ticket, starts, logger)
            }
        } else {
            await uncount(ticket, starts, logger)
            await handBack(delivery, logger)
        }
        // What was acknowledged or given back is on its way only.
        await publisher.client.close()
        LeavableWork.endProcess(isDrained ? 0 : 75)
    }
}
