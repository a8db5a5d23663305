package import JobModel
internal import Ledger
internal import Logging
internal import TempFiles

extension JobStore {
    /// Records the job's end: of several messages that could end a job, one does. Files that are still in the ledger
    /// stay there until they are gone.
    ///
    /// - Parameters:
    ///   - token: the same for every delivery of one message, and for no other message.
    ///   - record: the final ticket as JSON, for whoever asks later.
    ///   - progress: recorded with it.
    /// - Returns: the finished job, which this message or an earlier one has ended; nil when the end is
    ///   another message's, which an earlier version has let claim and not record it. What was recorded first stays.
    package func end(
        _ job: JobKey,
        outcome: JobOutcome,
        token: String,
        record: [UInt8],
        progress: JobProgress? = nil
    ) async throws(TempFileError) -> JobRecord? {
        let now = nowMilliseconds
        let (end, isNew) = try await ledger.write(for: .cleaning) { books in
            if let progress, let row = try books.head(job), row.end == nil {
                _ = try books.recordProgress(row, progress, now: now)
            }
            let isNew = try books.end(job, outcome: outcome, token: token, record: record, now: now)
            let known = try books.job(job)?.record
            return (known?.state == .finished ? known : nil, isNew)
        }
        if isNew { logger.info("job \(outcome.rawValue)", metadata: Logger.Metadata(job: job)) }
        return end
    }

    /// Gives a finished job's end, which nobody has announced, to another message.
    ///
    /// - Parameters:
    ///   - end: as ``job(_:)`` returned it.
    ///   - patience: so long the message that ended the job is waited for.
    /// - Returns: false when it is too early, or when the end was announced or given to another message since.
    package func takeOverEnd(
        _ end: JobRecord,
        token: String,
        after patience: Duration
    ) async throws(TempFileError) -> Bool {
        let now = nowMilliseconds
        let (milliseconds, overflow) = patience.components.seconds.multipliedReportingOverflow(by: 1000)
        let (before, underflow) = now.subtractingReportingOverflow(milliseconds)
        if overflow || underflow { return false }
        return try await ledger.write(for: .cleaning) {
            try $0.takeOverEnd(end, token: token, before: before, now: now)
        }
    }

    /// Records that the broker has the terminal update of a finished job, so that no message announces it again.
    ///
    /// - Parameters:
    ///   - end: as ``end(_:outcome:token:record:)`` or ``job(_:)`` returned it.
    ///   - kept: what is kept of the final ticket from now on; nil for all of it.
    package func noteAnnounced(_ end: JobRecord, keeping kept: [UInt8]? = nil) async throws(TempFileError) {
        let now = nowMilliseconds
        try await ledger.write(outliving: .death, for: .cleaning) {
            try $0.noteAnnounced(end, keeping: kept, now: now)
        }
    }
}
