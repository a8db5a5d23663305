public import FoundationEssentials
public import JobModel

/// Which jobs to list.
public struct JobFilter: Sendable, Hashable {
    public var state: JobRecord.State?
    public var outcome: JobOutcome?
    public var kind: MediaKind?
    /// The stage that has the job, or last had it.
    public var stage: Stage?
    public var mediaID: ByteText?
    /// As ``Ticket/sourceText``, or the key of an object alone.
    public var source: ByteText?
    /// What the job's id, its media id or its source is.
    public var name: ByteText?

    public init(
        state: JobRecord.State? = nil,
        outcome: JobOutcome? = nil,
        kind: MediaKind? = nil,
        stage: Stage? = nil,
        mediaID: ByteText? = nil,
        source: ByteText? = nil,
        name: ByteText? = nil
    ) {
        self.mediaID = mediaID
        self.source = source
        self.name = name
        self.state = state
        self.outcome = outcome
        self.kind = kind
        self.stage = stage
    }
}

/// Some jobs, the newest first.
public struct JobPage: Sendable, Hashable {
    public var jobs: [JobRecord]
    /// Where the next page begins; nil when this is the last one.
    public var next: Int64?
}

/// Something that happened to a job.
public struct JobEvent: Sendable, Hashable {
    public enum What: String, Sendable, Hashable, Codable, CaseIterable {
        /// A stage began to work.
        case started
        /// The stage gave the job back without an end, as for a retry, a wait or a drain.
        case handedBack
        /// The message for another stage is confirmed.
        case handedOver
        /// A step that clients are told of.
        case step
        case cancelRequested
        /// A worker has died while it had the job.
        case workerDied
        /// The job's end is claimed, then recorded.
        case finishing
        case finished
    }

    public var at: Date
    public var what: What
    public var stage: Stage?
    public var hop: Int64
    /// The step, the outcome, or the worker that died and what of.
    public var detail: String?
}

/// All that the books hold of one job.
public struct JobDetail: Sendable {
    public var record: JobRecord
    /// The message of its last start as JSON, until the job has ended.
    public var ticket: [UInt8]?
    /// The oldest first, at most ``maximumEvents``.
    public var events: [JobEvent]
    /// At most as many as were asked for.
    public var files: [TempFileEntry]
    public var totals: FileTotals

    /// Older ones are dropped.
    public static let maximumEvents = 200
}

/// Files on the books together.
public struct FileTotals: Sendable, Hashable {
    public var files: Int
    /// What they take on disk.
    public var sizeBytes: Int64

    public init(files: Int, sizeBytes: Int64) {
        self.files = files
        self.sizeBytes = sizeBytes
    }
}

/// The temp files that one stage's work on one kind has left on the books.
public struct StageFileTotals: Sendable, Hashable {
    public var kind: MediaKind
    /// nil for files that an older producer's manifest named without it.
    public var stage: JobPhase?
    public var totals: FileTotals

    public init(kind: MediaKind, stage: JobPhase?, totals: FileTotals) {
        self.kind = kind
        self.stage = stage
        self.totals = totals
    }
}

/// What the books say of age and of files that do not go away.
public struct LedgerAges: Sendable, Hashable {
    /// The job that has been on the books for longest without an end.
    public var oldestJob: JobKey?
    public var oldestJobAge: Duration?
    /// Of the file that has been on the books for longest.
    public var oldestFileAge: Duration?
    /// Files whose removal has failed.
    public var stuckFiles: Int

    public init(
        oldestJob: JobKey? = nil,
        oldestJobAge: Duration? = nil,
        oldestFileAge: Duration? = nil,
        stuckFiles: Int = 0
    ) {
        self.oldestJob = oldestJob
        self.oldestJobAge = oldestJobAge
        self.oldestFileAge = oldestFileAge
        self.stuckFiles = stuckFiles
    }
}
