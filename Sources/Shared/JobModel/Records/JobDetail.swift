/// All that the ledger holds of one job.
package struct JobDetail: Sendable {
    package var record: JobRecord
    /// The message of its last start as JSON, until the job has ended.
    package var ticket: [UInt8]?
    /// The oldest first, at most ``maximumEvents``.
    package var events: [JobEvent]
    /// At most as many as were asked for.
    package var files: [TempFileEntry]
    package var totals: FileTotals

    /// Older ones are dropped.
    package static let maximumEvents = 200

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
