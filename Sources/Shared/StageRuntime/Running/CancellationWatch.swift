internal import JobModel
internal import Logging
internal import TempFiles

/// The job at hand is to be given up, because somebody asked for it.
struct JobCancelled: Error {}

/// Looks for a cancellation request of the job at hand. The request is a row of the ledger, which tells nobody when it
/// changes; a look costs some microseconds, and needs no supervisor that is alive.
struct CancellationWatch: Sendable {
    /// The time between two looks.
    static let interval = Duration.milliseconds(500)

    let books: any JobBooks
    let clock: any RuntimeClock
    let logger: Logger

    /// Returns when the work is over, which cancels the task.
    ///
    /// - Throws: ``JobCancelled``, which ends the work.
    func watch(_ job: JobKey) async throws {
        var hasFailed = false
        while true {
            do { try await clock.sleep(for: Self.interval) } catch { return }
            let isRequested: Bool
            do {
                isRequested = try await books.isCancelRequested(job)
                hasFailed = false
            } catch {
                // A failure is a warning once; the same again, until a look succeeds, is for debugging.
                logger.log(
                    level: hasFailed ? .debug : .warning,
                    "not known whether the job is to be cancelled",
                    metadata: [LogKey.cause: "\(error)"]
                )
                hasFailed = true
                continue
            }
            if isRequested {
                logger.info("the job is to be cancelled; its work is told to stop")
                throw JobCancelled()
            }
        }
    }
}
