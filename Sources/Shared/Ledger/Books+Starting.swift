internal import FoundationEssentials
internal import GRDB
package import JobModel

/// The way of a job from stage to stage.
extension Books {
    /// The findings of a stage when it starts.
    package struct Start: Sendable {
        package var answer: StageStart
        /// The job had ended, and begins anew.
        package var isReopened = false
        /// The progress to tell clients; nil when they know it.
        package var news: Int?
        /// The job waits in this stage, and its progress stays what it is until it goes on.
        package var wait: JobWait?
        /// All of the job's.
        package var files: [FileRow] = []
        /// Workers that died of the job so far, the oldest first.
        package var deaths: [JobEvent] = []
    }

    package func begin(_ key: JobKey, _ message: StageMessage, now: Int64) throws -> Start {
        var row = try ensureJob(key, now: now)
        var isReopened = false
        if row.isOther(than: message) { return Start(answer: .otherContent) }
        if let end = row.end {
            guard message.run.redrives > row.redrives else { return Start(answer: .finished(end)) }
            try reopen(job: row.number, hop: message.hop, redrives: message.run.redrives, now: now)
            row = try ensureJob(key, now: now)
            isReopened = true
        }
        if row.isBeyond(message) {
            return Start(answer: .stale(currentHop: row.hop))
        }
        // After the loss of the ledger any stage may be the first to see a job.
        if row.stage == nil || message.stage == .download || message.stage == .cleanup,
            try takeWish(key, redrives: message.run.redrives)
        {
            try db.run(sql: "UPDATE job SET isCancelRequested = 1 WHERE number = ?", arguments: [row.number])
            row.isCancelRequested = true
        }
        let isAfterDeath = try noteDeath(of: row, foundBy: message.worker)
        let stage = message.stage.rawValue
        try db.run(
            sql: """
                UPDATE job SET hop = ?, stage = ?, ticket = COALESCE(?, ticket), attempt = ?, redrives = ?,
                    content = COALESCE(?, content), updatedAt = ?, worker = ?
                WHERE number = ?
                """,
            arguments: [
                message.hop, stage, message.ticket.map { Data($0) }, message.run.attempt, message.run.redrives,
                message.contentDigest.map { Data($0) }, now, message.worker?.text, row.number,
            ]
        )
        try noteNames(message, job: row.number)
        let starts = try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    INSERT INTO start (job, stage, hop, count) VALUES (?, ?, ?, 1)
                    ON CONFLICT (job, stage, hop) DO UPDATE SET count = count + 1 RETURNING count
                    """
            ),
            arguments: [row.number, stage, message.hop]
        )
        var start = Start(
            answer: .proceed(
                starts: Int(clamping: starts ?? 1),
                progress: row.progress,
                isCancelRequested: row.isCancelRequested
            ),
            isReopened: isReopened
        )
        try keepKeys(row, message)
        start.wait = row.stage == message.stage ? JobWait(rawValue: row.step) : nil
        if let progress = message.progress, !row.isCancelRequested, start.wait == nil {
            let (highest, isNews) = try recordProgress(row, progress, now: now)
            if isNews { start.news = highest }
        }
        start.files = try files(job: row.number)
        if isAfterDeath || row.deaths > 0 { start.deaths = try deaths(job: row.number) }
        return start
    }

    /// Notes the names by which the job is found. Their indexes are written only for new names.
    private func noteNames(_ message: StageMessage, job number: Int64) throws {
        let source = message.source.flatMap { $0.count <= JobRecord.maximumSourceBytes ? Data($0.utf8) : nil }
        try db.run(
            sql: """
                UPDATE job SET media = ?1, source = COALESCE(?2, source)
                WHERE number = ?3 AND (media <> ?1 OR source IS NOT COALESCE(?2, source))
                """,
            arguments: [Data(message.mediaID.utf8), source, number]
        )
    }

    /// Begins a new run of a finished job. Messages of earlier runs are stale from now on.
    package func reopen(job number: Int64, hop: Int64, redrives: Int64, now: Int64) throws {
        try db.run(
            sql: """
                UPDATE job SET state = 'active', stage = NULL, hop = ?, redrives = ?, attempt = 0, progress = 0,
                    step = '',
                    outcome = NULL, finishToken = NULL, isCancelRequested = 0, record = NULL, finishedAt = NULL,
                    announcedAt = NULL, rememberedSince = NULL, updateSentAt = NULL, updatedAt = ?, worker = NULL
                WHERE number = ? AND state = 'finished' AND redrives < ?
                """,
            arguments: [hop, redrives, now, number, redrives]
        )
        try releaseKeys(job: number)
    }

    /// Only the last start is taken back, and only once: then the count is below its number.
    package func handBack(_ key: JobKey, stage: Stage, hop: Int64, start: Int, now: Int64) throws {
        guard let row = try head(key) else { return }
        try db.run(
            sql: "UPDATE start SET count = count - 1 WHERE job = ? AND stage = ? AND hop = ? AND count = ?",
            arguments: [row.number, stage.rawValue, hop, start]
        )
        // The next stage may have the job by now.
        try db.run(
            sql: "UPDATE job SET updatedAt = ?1, worker = iif(hop = ?2, NULL, worker) WHERE number = ?3",
            arguments: [now, hop, row.number]
        )
    }

    /// Notes the ticket with which the job waits for its next try, until that begins.
    package func noteRetry(_ key: JobKey, attempt: Int64, ticket: [UInt8]) throws {
        try db.run(
            sql: "UPDATE job SET attempt = ?, ticket = ? WHERE kind = ? AND id = ? AND state = 'active'",
            arguments: [attempt, Data(ticket), key.kind.rawValue, Data(key.id.utf8)]
        )
    }

    package func handedOver(_ key: JobKey, to stage: Stage, hop: Int64, now: Int64) throws {
        let row = try ensureJob(key, now: now)
        // The next stage may have begun already, or even be further.
        try db.run(
            sql: """
                UPDATE job SET hop = ?1, stage = ?2, updatedAt = ?3, worker = iif(hop < ?1, NULL, worker)
                WHERE number = ?4 AND hop <= ?1 AND state <> 'finished'
                """,
            arguments: [hop, stage.rawValue, now, row.number]
        )
    }

    /// Keeps progress from going backwards.
    ///
    /// - Returns: the highest so far, and whether clients are to hear of it.
    package func recordProgress(
        _ row: JobHead,
        _ progress: JobProgress,
        now: Int64
    ) throws -> (highest: Int, isNews: Bool) {
        let highest = max(row.progress, min(max(progress.percent, 0), 100))
        var sent = row.updateSentAt
        var isNews = false
        if let interval = progress.newsInterval?.clampedMilliseconds {
            let age = sent.map { now.subtractingReportingOverflow($0).partialValue }
            isNews = progress.step != row.step || age.map { $0 >= interval || $0 < 0 } ?? true
            if isNews { sent = now }
        }
        try db.run(
            sql: "UPDATE job SET progress = ?, step = ?, updatedAt = ?, updateSentAt = ? WHERE number = ?",
            arguments: [highest, progress.step, now, sent, row.number]
        )
        return (highest, isNews)
    }
}
