internal import JobModel
internal import Logging
internal import TempFiles

/// The job at hand is to be given up, because somebody asked for it.
struct JobCancelled: Error {}

/// Looks for a wish to cancel the job at hand. The wish is a row of the ledger, which tells nobody that it has changed;
/// a look costs some microseconds, and needs no supervisor that is alive.
struct CancellationWatch: Sendable {
    /// Between two looks.
    static let interval = Duration.milliseconds(500)

    let books: any JobBooks
    let clock: any RuntimeClock
    let logger: Logger

    /// Returns when the work is over, which cancels the task.
    ///
    /// - Throws: ``JobCancelled``, which ends the work.
    func watch(_ job: JobKey) async throws {
        var isInTheDark = false
        while true {
            do { try await clock.sleep(for: Self.interval) } catch { return }
            let isWanted: Bool
            do {
                isWanted = try await books.isCancelRequested(job)
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
}
