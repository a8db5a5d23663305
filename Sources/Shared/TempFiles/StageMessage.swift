internal import Digests
public import JobModel

/// What a message says of the job that a stage is to work on.
public struct StageMessage: Sendable {
    public var stage: Stage
    /// Hand-overs before it. A message of an earlier hop than the ledger knows is a late duplicate.
    public var hop: Int64
    /// Tells the message from those of earlier runs of the job.
    public var run: JobRun
    public var mediaID: ByteText
    /// As ``Ticket/sourceText``.
    public var source: ByteText?
    public var manifest: [TempFileEntry]
    /// The message as JSON, kept until the job's end: what is known of the job if it is abandoned.
    public var ticket: [UInt8]?
    /// Recorded with the start; nil when nobody is told of it.
    public var progress: JobProgress?
    /// Who is to work on the job.
    public var worker: WorkerLife?
    /// SHA-256 of what the job asks for; nil where that is not looked at.
    let content: [UInt8]?

    /// - Parameter content: what the job asks for, as ``Ticket/content`` has it. A message that asks for something else under the same
    ///   id is none of the job's.
    public init(
        stage: Stage,
        hop: Int64,
        run: JobRun = JobRun(),
        mediaID: ByteText,
        source: ByteText? = nil,
        manifest: [TempFileEntry]?,
        ticket: [UInt8]? = nil,
        progress: JobProgress? = nil,
        worker: WorkerLife? = nil,
        content: [UInt8]? = nil
    ) {
        self.stage = stage
        self.hop = hop
        self.run = run
        self.mediaID = mediaID
        self.source = source
        self.manifest = manifest ?? []
        self.ticket = ticket
        self.progress = progress
        self.worker = worker
        self.content = content.map { SHA256.digest(of: $0) }
    }
}

/// How far a job is.
public struct JobProgress: Sendable, Hashable {
    /// 0 to 100; anything else is the nearest of these.
    public var percent: Int
    public var step: String
    /// Shortest time between two updates of one step; nil when clients are not told.
    public var newsInterval: Duration?

    public init(percent: Int, step: String, newsInterval: Duration? = nil) {
        self.percent = percent
        self.step = step
        self.newsInterval = newsInterval
    }
}

/// Whether a stage may start on a message.
public enum StageStart: Sendable, Hashable {
    /// - Parameters:
    ///   - starts: how often this stage was started on this hop, this time included.
    ///   - progress: the highest progress sent before, in per cent.
    ///   - isCancelRequested: the job is to end with outcome `cancelled`.
    case proceed(starts: Int, progress: Int, isCancelRequested: Bool = false)
    /// A late duplicate: the job has moved on.
    case stale(currentHop: Int64)
    case finished(JobOutcome)
    /// The id is that of a job that asks for something else.
    case otherContent
}

/// The answer to a message that asks a stage to work on a job.
public enum StageEntry: Sendable {
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
public struct EnteredStage: Sendable {
    public let lease: JobLease
    /// How often this stage was started on this hop, this time included.
    public let starts: Int
    /// The job is to end with outcome `cancelled`.
    public let isCancelRequested: Bool
    /// The progress to tell clients, in per cent; nil when they were told a moment ago.
    public let news: Int?
    /// The job waits for space in this stage, and clients know. Nothing new was recorded but the start.
    public let isWaitingForSpace: Bool
    /// What the books had of the job's files at the start.
    public let files: [TempFileEntry]
    /// Some of them have to be restored before they are read.
    public let hasCompressedFiles: Bool
    /// Workers that died of the job so far, the oldest first.
    public let deaths: [JobEvent]
}

extension Duration {
    /// Whole milliseconds, as many as there is room for.
    var clampedMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        return whole.addingClamped(attoseconds / 1_000_000_000_000_000)
    }
}
