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
    /// A name that is the job's id, its media id or its source.
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
