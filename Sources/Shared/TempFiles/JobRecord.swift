public import FoundationEssentials
public import JobModel

/// What the ledger remembers of a job.
public struct JobRecord: Sendable, Hashable {
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Known, and not at its end.
        case active
        /// A process has claimed the job's end; its terminal update may or may not have been sent.
        case finishing
        /// Over. Remembered so that a late duplicate is recognised.
        case finished
    }

    public var key: JobKey
    public var mediaID: ByteText
    /// As ``Ticket/sourceText``; nil for one of more than ``TempFileTracker/maximumSourceBytes``.
    public var source: ByteText?
    public var state: State
    /// The stage that has the job, or last had it. nil before the first start.
    public var stage: Stage?
    /// Hand-overs between stages so far.
    public var hop: Int64
    /// Retries of the present stage so far.
    public var attempt: Int64
    /// How often the job was sent back from the dead letters.
    public var redrives: Int64
    /// The highest progress sent so far, in per cent.
    public var progress: Int
    /// The step of that progress.
    public var step: String
    public var outcome: JobOutcome?
    /// The token of ``TempFileTracker/claimFinish(_:outcome:token:)`` that claimed the end.
    public var finishToken: String?
    public var isCancelRequested: Bool
    public var createdAt: Date
    public var updatedAt: Date
    public var finishedAt: Date?
    /// When the broker was known to have the terminal update. nil for a finished job whose clients may not have heard of it.
    public var announcedAt: Date?
    /// Files, and their bytes, that were on the books at the job's end and may not be removed yet.
    public var leftFiles: Int64
    public var leftBytes: Int64
    /// What ``TempFileTracker/finish(_:outcome:record:)`` was given: the final ticket as JSON.
    public var record: [UInt8]?

    public var kind: MediaKind { key.kind }
    public var id: ByteText { key.id }
}

/// What there is of a job with some id.
public enum JobPresence: Sendable, Hashable {
    /// Nothing, or one whose clients have heard its end.
    case none
    /// One that has ended, of which clients may not have heard yet.
    case ending
    case live
}

/// The answer to a wish to cancel a job.
public enum CancelAnswer: Sendable, Hashable {
    /// The job will end with outcome `cancelled`.
    case requested
    /// No stage of this host has seen the job. If its message comes, it is cancelled then.
    case unknown
    /// Too late: its work is done. nil while the clean-up stage is at it.
    case over(JobOutcome?)
}

/// The answer to a wish for a job's lease.
public enum LeaseResult: Sendable {
    case acquired(JobLease)
    /// Another holder kept it for the whole time.
    case held
    /// The ledger remembers the job as over. Nothing was made on disk.
    case finished(JobOutcome)
}
