internal import JobModel
internal import JobStore
internal import Logging
internal import TempFiles

/// The end of a worker's process.
struct WorkerEnd: Sendable, Equatable {
    var worker: WorkerLife
    /// Such as `signal 9 (SIGKILL)`.
    var cause: String
}

/// Puts deaths of workers in the ledger of the jobs that they had, in the order in which they are noted.
struct WorkerEnds: Sendable {
    private let tracker: TempFileTracker
    private let logger: Logger
    private let ends: AsyncStream<WorkerEnd>
    private let continuation: AsyncStream<WorkerEnd>.Continuation

    init(tracker: TempFileTracker, logger: Logger) {
        self.tracker = tracker
        self.logger = logger
        (ends, continuation) = AsyncStream.makeStream()
    }

    func note(_ end: WorkerEnd) { continuation.yield(end) }

    /// No more ends come.
    func finish() { continuation.finish() }

    /// Returns after ``finish()``, when all that came before it is in the ledger.
    func run() async {
        for await end in ends {
            do throws(TempFileError) {
                for job in try await tracker.jobs.noteEnd(of: end.worker, cause: end.cause) {
                    logger.warning(
                        "a job's worker died",
                        metadata: [
                            LogKey.jobID: "\(job.id)", LogKey.jobKind: "\(job.kind.rawValue)",
                            LogKey.workerName: "\(end.worker.name)", LogKey.cause: "\(end.cause)",
                        ]
                    )
                }
            } catch {
                logger.warning(
                    "not noted which job a worker that ended had; the next start of the job notes its death",
                    metadata: [LogKey.workerName: "\(end.worker.name)", LogKey.cause: "\(error)"]
                )
            }
        }
    }
}
