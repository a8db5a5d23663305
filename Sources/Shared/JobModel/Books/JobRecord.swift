public import FoundationEssentials

/// The ledger's record of a job.
public struct JobRecord: Sendable, Hashable {
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Known, and not at its end.
        case active
        /// Over. Remembered so that a late duplicate is recognised.
        case finished
    }

    public var key: JobKey
    public var mediaID: ByteText
    /// As ``Ticket/sourceText``; nil for one of more than ``maximumSourceBytes``.
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
    /// The token of the message that ended the job.
    public var finishToken: String?
    public var isCancelRequested: Bool
    public var createdAt: Date
    public var updatedAt: Date
    public var finishedAt: Date?
    /// When the broker was known to have the terminal update. nil for a finished job whose clients may not have heard
    /// of it.
    public var announcedAt: Date?
    /// Files, and their bytes, that were in the ledger at the job's end and may not be removed yet.
    public var leftFiles: Int64
    public var leftBytes: Int64
    /// The final ticket as JSON.
    public var record: [UInt8]?

    /// A longer source is not in the ledger, so nothing is found by it.
    public static let maximumSourceBytes = 4096

    public var kind: MediaKind { key.kind }
    public var id: ByteText { key.id }

    package init(
        key: JobKey,
        mediaID: ByteText,
        source: ByteText?,
        state: State,
        stage: Stage?,
        hop: Int64,
        attempt: Int64,
        redrives: Int64,
        progress: Int,
        step: String,
        outcome: JobOutcome?,
        finishToken: String?,
        isCancelRequested: Bool,
        createdAt: Date,
        updatedAt: Date,
        finishedAt: Date?,
        announcedAt: Date?,
        leftFiles: Int64,
        leftBytes: Int64,
        record: [UInt8]?
    ) {
        self.key = key
        self.mediaID = mediaID
        self.source = source
        self.state = state
        self.stage = stage
        self.hop = hop
        self.attempt = attempt
        self.redrives = redrives
        self.progress = progress
        self.step = step
        self.outcome = outcome
        self.finishToken = finishToken
        self.isCancelRequested = isCancelRequested
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.finishedAt = finishedAt
        self.announcedAt = announcedAt
        self.leftFiles = leftFiles
        self.leftBytes = leftBytes
        self.record = record
    }
}
