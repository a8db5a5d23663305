/// All that the ledger holds of one job.
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

    package init(
        record: JobRecord,
        ticket: [UInt8]? = nil,
        events: [JobEvent],
        files: [TempFileEntry],
        totals: FileTotals
    ) {
        self.record = record
        self.ticket = ticket
        self.events = events
        self.files = files
        self.totals = totals
    }
}
