internal import FoundationEssentials
package import JobModel
package import Logging
package import TempFiles

/// One job at one stage.
package struct JobContext: Sendable {
    package let ticket: Ticket
    package let stage: Stage
    package let tracker: TempFileTracker
    /// Where spilled files are; nil in tests that have none.
    package let spill: (any SpillStore)?
    /// The job's files in the ledger when the stage started.
    package let files: [TempFileEntry]
    /// Carries the job's id and kind.
    package let logger: Logger
    package let telemetry: JobTelemetry

    package var key: JobKey { ticket.key }

    /// Checks a file that an earlier stage left, and returns its path.
    ///
    /// - Throws: ``StageFailure`` with verdict `sourceGone` when it is missing, has another size than the manifest
    ///   says, or is not one of this job's; `transient` when the system does not say.
    package func requireFile(_ path: ByteText?, _ purpose: String) async throws -> String {
        guard let path else {
            throw StageFailure(.sourceGone, code: "file_missing", "the ticket names no \(purpose)")
        }
        let expected = ticket.tempFiles?.first { $0.path == path }?.sizeBytes
        switch await tracker.verify(path: path.string, job: key, expectedBytes: expected) {
        case .ok:
            do {
                // The message may name the file relative to the job's directory.
                return try tracker.file(path.string, job: key).absolutePath
            } catch {
                throw StageFailure(.sourceGone, code: "foreign_path", error.message)
            }
        case .missing:
            throw StageFailure(.sourceGone, code: "file_missing", "the \(purpose) \(path) is gone")
        case .wrongSize(let found):
            throw StageFailure(
                .sourceGone,
                code: "file_changed",
                "the \(purpose) \(path) has \(found) bytes; the manifest says \(expected ?? 0)"
            )
        case .unknown(let cause):
            throw StageFailure(.transient, code: "file_unreadable", "the \(purpose) cannot be looked at: \(cause)")
        case .foreign:
            // Another host's, or a TEMP_DIR that has changed. It is not touched; downloading again makes one that is
            // ours.
            throw StageFailure(
                .sourceGone,
                code: "foreign_path",
                "the \(purpose) \(path) is no file of this job's directory; it was not touched"
            )
        }
    }
}
