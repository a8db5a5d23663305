package import FoundationEssentials

/// The ledger's record of a job.
package struct JobRecord: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable {
        /// Known, and not at its end.
        case active
        /// Over. Remembered so that a late duplicate is recognised.
        case finished
    }

    package var key: JobKey
    package var mediaID: ByteText
    /// As ``Ticket/sourceText``; nil for one of more than ``maximumSourceBytes``.
    package var source: ByteText?
    package var state: State
    /// The stage that has the job, or last had it. nil before the first start.
    package var stage: Stage?
    /// Hand-overs between stages so far.
    package var hop: Int64
    /// Retries of the present stage so far.
    package var attempt: Int64
    /// How often the job was sent back from the dead letters.
    package var redrives: Int64
    /// The highest progress sent so far, in per cent.
    package var progress: Int
    /// The step of that progress.
    package var step: String
    package var outcome: JobOutcome?
    /// The token of the message that ended the job.
    package var finishToken: String?
    package var isCancelRequested: Bool
    package var createdAt: Date
    package var updatedAt: Date
    package var finishedAt: Date?
    /// When the broker was known to have the terminal update. nil for a finished job whose clients may not have heard
    /// of it.
    package var announcedAt: Date?
    /// Files, and their bytes, that were in the ledger at the job's end and may not be removed yet.
    package var leftFiles: Int64
    package var leftBytes: Int64
    /// Objects of a job that did not complete, at its end, that may still be in the store.
    package var leftObjects: Int64 = 0
    /// The final ticket as JSON.
    package var record: [UInt8]?

    /// A longer source is not in the ledger, so nothing is found by it.
    package static let maximumSourceBytes = 4096

    package var kind: MediaKind { key.kind }
    package var id: ByteText { key.id }

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
