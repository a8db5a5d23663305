internal import GRDB
public import JobModel
internal import Logging

extension TempFileTracker {
    /// Takes a start back: the stage was drained, which is no fault of the job. Nothing happens when it was taken back before.
    ///
    /// - Parameter start: the number of the start, as ``StageStart/proceed(starts:progress:isCancelRequested:)`` told it. Called
    ///   under the lease that it was counted under.
    public func handBack(_ job: JobKey, stage: Stage, hop: Int64, start: Int) async throws(TempFileError) {
        let now = nowMilliseconds
        try await ledger.write(outliving: .death, for: .cleaning) {
            try Ledger.handBack($0, job, stage: stage, hop: hop, start: start, now: now)
        }
    }

    /// Takes a start back that ended with a failure, and records what the next one begins with.
    ///
    /// - Parameters:
    ///   - start: as of ``handBack(_:stage:hop:start:)``.
    ///   - attempt: retries of the stage, the next one included.
    public func willRetry(
        _ job: JobKey,
        stage: Stage,
        hop: Int64,
        start: Int,
        attempt: Int64,
        ticket: [UInt8]
    ) async throws(TempFileError) {
        let now = nowMilliseconds
        // Also on a full disk, which may be why: a try that is not counted is made for ever.
        try await ledger.write(for: .cleaning) { db in
            try Ledger.handBack(db, job, stage: stage, hop: hop, start: start, now: now)
            try Ledger.noteRetry(db, job, attempt: attempt, ticket: ticket)
        }
    }

    /// Records that the message for the next stage is confirmed. `hop` is that message's.
    public func handedOver(_ job: JobKey, to stage: Stage, hop: Int64) async throws(TempFileError) {
        let now = nowMilliseconds
        try await ledger.write(outliving: .death, for: .cleaning) {
            try Ledger.handedOver($0, job, to: stage, hop: hop, now: now)
        }
    }

    /// Records progress that clients are to hear of, unless they have heard of the same step a moment ago: from this worker, or
    /// from one before it. Progress never goes backwards.
    ///
    /// - Parameters:
    ///   - percent: 0 to 100; anything else is the nearest of these.
    ///   - interval: shortest time between two updates of one step.
    /// - Returns: the progress to tell, the highest so far; nil when it is too early.
    /// - Throws: ``TempFileError`` with code `jobFinished` when there is nothing to tell any more.
    public func recordNews(
        _ job: JobKey,
        percent: Int,
        step: String,
        interval: Duration
    ) async throws(TempFileError) -> Int? {
        try await recordNews(job, JobProgress(percent: percent, step: step, newsInterval: interval)) { _, _ in }.news
    }

    /// As ``recordNews(_:percent:step:interval:)``, for a stage that is done.
    ///
    /// - Returns: also the manifest, as ``jobTempFiles(_:)`` does.
    public func recordCompletion(
        _ job: JobKey,
        _ progress: JobProgress
    ) async throws(TempFileError) -> (news: Int?, manifest: [TempFileEntry]) {
        let (news, files) = try await recordNews(job, progress) { try Ledger.files($0, job: $1.number) }
        return (news, workspace.entries(files, of: job))
    }

    private func recordNews<T: Sendable>(
        _ job: JobKey,
        _ progress: JobProgress,
        _ reading: @escaping @Sendable (Database, JobHead) throws -> T
    ) async throws(TempFileError) -> (news: Int?, read: T) {
        let now = nowMilliseconds
        return try await ledger.write(outliving: .death) { db in
            // What comes after the end is late news of a worker that has slept.
            let row = try Ledger.ensureLiveJob(db, job, now: now)
            let (highest, isNews) = try Ledger.recordProgress(db, row, progress, now: now)
            return (isNews ? highest : nil, try reading(db, row))
        }
    }

    /// Claims the right to send the job's terminal update.
    ///
    /// - Parameter token: the same for every delivery of one message, and for no other message.
    /// - Returns: false for a duplicate: another message has claimed the end, or the job is finished.
    public func claimFinish(
        _ job: JobKey,
        outcome: JobOutcome,
        token: String
    ) async throws(TempFileError) -> Bool {
        let now = nowMilliseconds
        return try await ledger.write(for: .cleaning) {
            try Ledger.claimFinish($0, job, outcome: outcome, token: token, now: now)
        }
    }

    /// Records the job's end. Files that are still on the books stay there until they are gone.
    ///
    /// - Parameter record: the final ticket as JSON, for whoever asks later.
    public func finish(_ job: JobKey, outcome: JobOutcome, record: [UInt8]) async throws(TempFileError) {
        let now = nowMilliseconds
        try await ledger.write(for: .cleaning) {
            try Ledger.finish($0, job, outcome: outcome, record: record, now: now)
        }
        logger.info("job \(outcome.rawValue)", metadata: Logger.Metadata(job: job))
    }

    /// Claims the job's end and records it, as one: of several messages that could end a job, one does.
    ///
    /// - Parameters:
    ///   - token: the same for every delivery of one message, and for no other message.
    ///   - record: the final ticket as JSON, for whoever asks later.
    ///   - progress: recorded with it.
    /// - Returns: the finished job, which this message or an earlier one has ended; nil when another message has claimed the
    ///   end and not recorded it. What was recorded first stays.
    public func end(
        _ job: JobKey,
        outcome: JobOutcome,
        token: String,
        record: [UInt8],
        progress: JobProgress? = nil
    ) async throws(TempFileError) -> JobRecord? {
        let now = nowMilliseconds
        let (end, isNew) = try await ledger.write(for: .cleaning) { db in
            if let progress, let row = try Ledger.head(db, job), row.end == nil {
                _ = try Ledger.recordProgress(db, row, progress, now: now)
            }
            let isNew = try Ledger.claimFinish(db, job, outcome: outcome, token: token, now: now)
            if isNew { try Ledger.finish(db, job, outcome: outcome, record: record, now: now) }
            let known = try Ledger.job(db, job)?.record
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
    public func takeOverEnd(
        _ end: JobRecord,
        token: String,
        after patience: Duration
    ) async throws(TempFileError) -> Bool {
        let now = nowMilliseconds
        let (milliseconds, overflow) = patience.components.seconds.multipliedReportingOverflow(by: 1000)
        let (before, underflow) = now.subtractingReportingOverflow(milliseconds)
        if overflow || underflow { return false }
        return try await ledger.write(for: .cleaning) {
            try Ledger.takeOverEnd($0, end, token: token, before: before, now: now)
        }
    }

    /// Records that the broker has the terminal update of a finished job, so that no message announces it again.
    ///
    /// - Parameters:
    ///   - end: as ``end(_:outcome:token:record:)`` or ``job(_:)`` returned it.
    ///   - kept: what is kept of the final ticket from now on; nil for all of it.
    public func noteAnnounced(_ end: JobRecord, keeping kept: [UInt8]? = nil) async throws(TempFileError) {
        let now = nowMilliseconds
        try await ledger.write(outliving: .death, for: .cleaning) {
            try Ledger.noteAnnounced($0, end, keeping: kept, now: now)
        }
    }

    public func job(_ key: JobKey) async throws(TempFileError) -> JobRecord? {
        try await ledger.read { try Ledger.job($0, key)?.record }
    }

    /// The jobs on the books, the newest first.
    public func jobs(limit: Int, state: JobRecord.State? = nil) async throws(TempFileError) -> [JobRecord] {
        try await ledger.read { try Ledger.jobs($0, limit: limit, state: state) }
    }

    /// How many unfinished jobs in one of these stages have temp files.
    public func jobsHoldingFiles(in stages: Set<Stage>) async throws(TempFileError) -> Int {
        try await ledger.read { try Ledger.jobsHoldingFiles($0, in: stages) }
    }

    /// Makes a finished job unknown, so that it may run again.
    ///
    /// - Returns: false when no finished job has this key.
    @discardableResult
    public func forget(_ job: JobKey) async throws(TempFileError) -> Bool {
        let now = nowMilliseconds
        return try await ledger.write(for: .cleaning) { try Ledger.forget($0, job, now: now) }
    }

    /// Forgets finished jobs whose retention time is over, at most `limit` at once. It is time of service, in which late
    /// duplicates can come: neither a clock that is stepped nor a broker that was away makes a job forgotten.
    ///
    /// - Returns: how many.
    @discardableResult
    public func forgetFinishedJobs(
        olderThan retention: Duration,
        limit: Int = 10_000
    ) async throws(TempFileError) -> Int {
        let (age, overflow) = retention.components.seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return 0 }
        return try await ledger.write(for: .cleaning) {
            try Ledger.prune($0, olderThan: max(age, 0), limit: max(limit, 0))
        }
    }
}
