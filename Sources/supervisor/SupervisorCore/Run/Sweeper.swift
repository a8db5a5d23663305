internal import Logging
internal import ServiceKit
internal import TempFiles

/// Removes orphaned temp files and forgets old jobs, at the start and from time to time.
struct Sweeper: Sendable {
    var tracker: TempFileTracker
    var settings: Settings
    var logger: Logger

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await sweep()
            do { try await Task.sleep(for: .seconds(settings.cleanupIntervalHours * 3600)) } catch { return }
        }
    }

    private func sweep() async {
        do {
            let report = try await tracker.cleanupOrphanedFiles(
                SweepRules(graceTime: .seconds(settings.orphanGraceMinutes * 60))
            )
            let forgotten = try await tracker.forgetFinishedJobs(
                olderThan: .seconds(settings.jobRetentionHours * 3600)
            )
            if forgotten > 0 { logger.info("forgot finished jobs", metadata: ["job.count": "\(forgotten)"]) }
            for failure in report.failures {
                logger.warning(
                    "an orphaned file could not be removed",
                    metadata: [
                        LogKey.filePath: "\(failure.path)", LogKey.cause: "\(systemMessage(failure.errno))",
                    ]
                )
            }
        } catch {
            logger.error("the sweep failed", metadata: [LogKey.cause: "\(error)"])
        }
    }
}
