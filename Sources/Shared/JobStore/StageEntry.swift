package import JobModel
package import TempFiles

/// The answer to a message that asks a stage to work on a job.
package enum StageEntry: Sendable {
    case entered(EnteredStage)
    /// Another holder kept the job's lease for the whole time.
    case held
    /// A late duplicate: the job has moved on.
    case stale(currentHop: Int64)
    /// The ledger remembers the job as over. Nothing is left on disk of the try.
    case finished(JobOutcome)
    /// The id is that of a job that asks for something else: one that goes on, or one that is over.
    case otherContent
}

/// A stage that has a job.
package struct EnteredStage: Sendable {
    package let lease: JobLease
    /// How often this stage was started on this hop, this time included.
    package let starts: Int
    /// The job is to end with outcome `cancelled`.
    package let isCancelRequested: Bool
    /// The progress to tell clients, in per cent; nil when they were told a moment ago.
    package let news: Int?
    /// The job waits in this stage, and clients know. Nothing new was recorded but the start.
    package let wait: JobWait?
    /// The job's files in the ledger at the start.
    package let files: [TempFileEntry]
    /// Some of them have to be restored before they are read.
    package let hasCompressedFiles: Bool
    /// Some of them are in the spill store, or were about to be put there.
    package let hasSpilledFiles: Bool
    /// Workers that died of the job so far, the oldest first.
    package let deaths: [JobEvent]
}
