/// The job message that travels from stage to stage. It carries everything that a stage needs to know, including the
/// manifest of temp files. Fields that this version does not know stay in ``unknown`` and are written out again.
public struct Ticket: Sendable, Hashable {
    public var id: ByteText
    public var mediaID: ByteText
    public var userID: String?
    public var kind: MediaKind
    /// Key of the source in the configured object store.
    public var sourceKey: String?
    /// Absolute URL of the source, instead of ``sourceKey``.
    public var source: String?
    /// URL prefix for the outputs, instead of the configured object store.
    public var destination: String?

    // The producer's claims; never trusted.
    public var originalFilename: String?
    public var mimeType: String?
    public var fileSizeBytes: Int64?
    public var createdAt: String?

    public var phase: JobPhase?
    public var previousPhase: JobPhase?
    /// Absolute path of the downloaded source.
    public var localMediaPath: ByteText?
    public var metadata: JSONFields?
    public var outputs: [JobOutput] = []
    /// The manifest. nil when the producer sent none.
    public var tempFiles: [TempFileEntry]?
    /// 0 to 9; higher is sooner.
    public var priority: Int64?

    /// Retries of the present stage so far.
    public var attempt: Int64 = 0
    /// Why stages were tried again, the oldest first. Grows by ``note(_:)`` only.
    public var history: [JobFailure] = []
    /// Hand-overs between stages so far. Tells a late duplicate from a live message.
    public var hop: Int64 = 0
    /// Unique to one hand-over: a redelivery of a message has the same, a second publish of the same hop another.
    public var transfer: String?
    /// How often the job was sent back to download because a temp file was gone.
    public var downloads: Int64 = 0
    /// How often the job was sent back from the dead letters. One more begins a new run of a finished job.
    public var redrives: Int64 = 0
    /// The host that owns the temp files.
    public var node: String?
    public var failure: JobFailure?
    public var outcome: JobOutcome?

    /// Whether the producer wants thumbnails.
    public var wantsThumbnails = true
    /// Whether the producer wants updates before the terminal one.
    public var wantsProgressUpdates = true
    /// Shortest time between two progress updates, in seconds.
    public var progressIntervalSeconds: Double?
    public var unknown = JSONFields()

    public var key: JobKey { JobKey(kind: kind, id: id) }

    /// The source, as `supervisor submit` takes it: a URL, or `key:` and the key of an object. nil when the job names
    /// none.
    public var sourceText: ByteText? {
        (source ?? sourceKey.map { Self.keyPrefix + $0 }).map { ByteText($0) }
    }

    /// The prefix of an object's key in ``sourceText``.
    public static let keyPrefix = "key:"

    public init(id: ByteText, mediaID: ByteText, kind: MediaKind) {
        self.id = id
        self.mediaID = mediaID
        self.kind = kind
    }
}
