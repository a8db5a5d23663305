/// Which jobs to list.
package struct JobFilter: Sendable, Hashable {
    package var state: JobRecord.State?
    package var outcome: JobOutcome?
    package var kind: MediaKind?
    /// The stage that has the job, or last had it.
    package var stage: Stage?
    package var mediaID: ByteText?
    /// As ``Ticket/sourceText``, or the key of an object alone.
    package var source: ByteText?
    /// A name that is the job's id, its media id or its source.
    package var name: ByteText?

    package init(
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
