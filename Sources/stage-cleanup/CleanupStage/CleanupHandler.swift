package import JobModel
package import StageRuntime
internal import TempFiles

/// Deletes all that a job has left, and ends the job.
package struct CleanupHandler: EndingStage {
    package init() {}

    package static func main() async -> Never {
        await StageWorker.main(.cleanup) { _ in CleanupHandler() }
    }

    package func run(_ job: JobContext) async throws -> Ticket {
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
        var ticket = job.ticket
        ticket.tempFiles = []
        ticket.localMediaPath = nil
        // A message that an older producer sent here may not say how the job ended.
        ticket.outcome = ticket.outcome ?? (ticket.failure == nil ? .completed : .failed)
        return ticket
    }

    package func end(_ job: EndingJob) async throws { try await JobEnd(job: job).record() }

    package func meetFinished(_ job: EndingJob, _ outcome: JobOutcome) async throws {
        try await JobEnd(job: job).meetFinished(outcome)
    }
}
