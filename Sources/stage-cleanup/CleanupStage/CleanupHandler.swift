package import JobModel
package import JobObjects
internal import Logging
package import StageRuntime
internal import Storage
internal import TempFiles

/// Deletes all that a job has left, and ends the job.
package struct CleanupHandler: EndingStage {
    private let removal: ObjectRemoval?

    /// - Parameter removal: of what a job that did not complete has put into the store; nil where there is no store.
    package init(removal: ObjectRemoval? = nil) { self.removal = removal }

    init(_ services: StageServices) {
        removal = ObjectRemoval(services.settings, services.tracker, logger: services.logger)
    }

    package static func main() async -> Never {
        await StageWorker.main(.cleanup) { CleanupHandler($0) }
    }

    package func run(_ job: JobContext) async throws -> Ticket {
        var ticket = job.ticket
        // A message that an older producer sent here may not say how the job ended.
        let outcome = ticket.outcome ?? (ticket.failure == nil ? .completed : .failed)
        // Before the files: they tell which objects are made of them. A store that is away keeps no file.
        let trouble = outcome == .completed ? nil : try await removeObjects(job)
        let report = try await job.tracker.cleanupJobTempFiles(job.key, onActivity: job.telemetry.noteActivity)
        job.telemetry.note(removed: report.filesCleaned, bytes: report.bytesFreed)
        if let first = report.failures.first {
            throw StageFailure(
                .transient,
                code: "unlink_failed",
                "\(report.failures.count) temp files were not deleted, the first \(first.path) (errno \(first.errno)); "
                    + "they stay in the ledger, and are tried again"
            )
        }
        if let store = job.spill {
            let failures = try await job.tracker.deleteSpilledObjects(
                of: job.key,
                in: store,
                onActivity: job.telemetry.noteActivity
            )
            if let first = failures.first {
                throw StageFailure(
                    .transient,
                    code: "spill_not_deleted",
                    "\(failures.count) spilled objects were not deleted, the first \(first.location): \(first.cause); "
                        + "they stay in the ledger, and are tried again"
                )
            }
        }
        if let trouble { throw trouble }
        ticket.tempFiles = []
        ticket.localMediaPath = nil
        ticket.outcome = outcome
        return ticket
    }

    /// Removes what a job that did not complete has put into the store.
    ///
    /// - Returns: why not all of it is removed. The attempts of this stage bound the tries, and a store that lets
    ///   nobody in gets one; then the job ends with a warning, and the supervisor goes on trying.
    /// - Throws: `CancellationError`, or `TempFileError`.
    private func removeObjects(_ job: JobContext) async throws -> StageFailure? {
        guard let removal else { return nil }
        do {
            _ = try await removal.run(job.ticket, onActivity: job.telemetry.noteActivity)
            return nil
        } catch let error as StorageError {
            // Only the operator can change these, and the end is not kept back for that.
            let isLasting = !error.isRetriable && [.accessDenied, .noSuchBucket, .wrongRegion].contains(error.code)
            return StageFailure(
                isLasting ? .permanent : .transient,
                code: "objects_left",
                "objects of the job are not removed yet: \(error.message)",
                retryAfter: error.retryAfter
            )
        }
    }

    package func end(_ job: EndingJob) async throws { try await JobEnd(job: job).record() }

    package func meetFinished(_ job: EndingJob, _ outcome: JobOutcome) async throws {
        try await JobEnd(job: job).meetFinished(outcome)
    }
}
