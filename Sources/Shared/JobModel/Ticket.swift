/// The job message that travels from stage to stage. It carries everything that a stage needs to know, including the
/// manifest of temp files. Fields that this version does not know stay in ``unknown`` and are written out again.
package struct Ticket: Sendable, Hashable {
    package var id: ByteText
    package var mediaID: ByteText
    package var userID: String?
    package var kind: MediaKind
    /// Key of the source in the configured object store.
    package var sourceKey: String?
    /// Absolute URL of the source, instead of ``sourceKey``.
    package var source: String?
    /// URL prefix for the outputs, instead of the configured object store.
    package var destination: String?
    /// Where single outputs are put instead.
    package var uploadURLs: [UploadURL] = []

    // The producer's claims; never trusted.
    package var originalFilename: String?
    package var mimeType: String?
    package var fileSizeBytes: Int64?
    package var createdAt: String?

    package var phase: JobPhase?
    package var previousPhase: JobPhase?
    /// Absolute path of the downloaded source.
    package var localMediaPath: ByteText?
    package var metadata: JSONFields?
    package var outputs: [JobOutput] = []
    /// Troubles with the source that are no failure, such as sound that could not be decoded. At most
    /// ``maximumWarnings``.
    package var warnings: [ProgressUpdate.Warning] = []
    /// The key of the object that lists the outputs (``ResultIndex``). Set by the upload stage.
    package var resultKey: ByteText?
    /// The manifest. nil when the producer sent none.
    package var tempFiles: [TempFileEntry]?
    /// 0 to 9; higher is sooner.
    package var priority: Int64?

    /// Retries of the present stage so far.
    package var attempt: Int64 = 0
    /// Why stages were tried again, the oldest first. Grows by ``note(_:)`` only.
    package var history: [JobFailure] = []
    /// Hand-overs between stages so far. Tells a late duplicate from a live message.
    package var hop: Int64 = 0
    /// Unique to one hand-over: a redelivery of a message has the same, a second publish of the same hop another.
    package var transfer: String?
    /// How often the job was sent back to download because a temp file was gone.
    package var downloads: Int64 = 0
    /// How long the present stage has waited for a host that is away, without counting an attempt.
    package var waitedSeconds: Int64 = 0
    /// The host that the present stage waits for; nil when it does not wait for one.
    package var waitingFor: HostWait?
    /// How often the job was sent back from the dead letters. One more begins a new run of a finished job.
    package var redrives: Int64 = 0
    /// The host that owns the temp files.
    package var node: String?
    package var failure: JobFailure?
    package var outcome: JobOutcome?

    /// Whether the producer wants thumbnails.
    package var wantsThumbnails = true
    /// Whether the producer wants updates before the terminal one.
    package var wantsProgressUpdates = true
    /// Shortest time between two progress updates, in seconds.
    package var progressIntervalSeconds: Double?
    package var unknown = JSONFields()

    package var key: JobKey { JobKey(kind: kind, id: id) }

    /// The source, as `supervisor submit` takes it: a URL, or `key:` and the key of an object. nil when the job names
    /// none.
    package var sourceText: ByteText? {
        (source ?? sourceKey.map { Self.keyPrefix + $0 }).map { ByteText($0) }
    }

    /// The prefix of an object's key in ``sourceText``.
    package static let keyPrefix = "key:"

    package init(id: ByteText, mediaID: ByteText, kind: MediaKind) {
        self.id = id
        self.mediaID = mediaID
        self.kind = kind
    }
}
