/// The facts that a message gives about the job that a stage is to work on.
package struct StageMessage: Sendable {
    package var stage: Stage
    /// Hand-overs before it. A message of an earlier hop than the ledger knows is a late duplicate.
    package var hop: Int64
    /// Tells the message from those of earlier runs of the job.
    package var run: JobRun
    package var mediaID: ByteText
    /// The source, as ``Ticket/sourceText``.
    package var source: ByteText?
    package var manifest: [TempFileEntry]
    /// The message as JSON, kept until the job's end, so that a job that is abandoned can be ended.
    package var ticket: [UInt8]?
    /// The progress that is recorded with the start; nil when nobody is told of it.
    package var progress: JobProgress?
    /// Who is to work on the job.
    package var worker: WorkerLife?
    /// The content that the job asks for, as in ``Ticket/content``; nil where it is not compared. A message that asks
    /// for something else under the same id does not belong to the job.
    package var content: [UInt8]?

    package init(
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
        self.content = content
    }

    /// The facts of a ticket that is at `stage`.
    ///
    /// - Parameter record: the ticket as JSON, for ``ticket``; nil where the stage does not begin with this message.
    package init(_ ticket: Ticket, at stage: Stage, record: [UInt8]?) {
        self.init(
            stage: stage,
            hop: ticket.hop,
            run: JobRun(redrives: ticket.redrives, attempt: ticket.attempt),
            mediaID: ticket.mediaID,
            source: ticket.sourceText,
            manifest: ticket.tempFiles,
            ticket: record,
            content: stage.traits.checksContent ? ticket.content : nil
        )
    }
}
