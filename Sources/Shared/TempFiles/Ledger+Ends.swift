internal import FoundationEssentials
internal import GRDB
internal import JobModel

/// The end of a job: claimed, recorded, announced.
extension Ledger {
    static func claimFinish(
        _ db: Database,
        _ key: JobKey,
        outcome: JobOutcome,
        token: String,
        now: Int64
    ) throws -> Bool {
        let row = try ensureJob(db, key, now: now)
        try db.run(
            sql: """
                UPDATE job SET state = 'finishing', outcome = ?, finishToken = ?, updatedAt = ?
                WHERE number = ? AND (state = 'active' OR (state = 'finishing' AND finishToken = ?))
                """,
            arguments: [outcome.rawValue, token, now, row.number, token]
        )
        return db.changesCount > 0
    }

    static func finish(_ db: Database, _ key: JobKey, outcome: JobOutcome, record: [UInt8], now: Int64) throws {
        let row = try ensureJob(db, key, now: now)
        try db.run(
            sql: """
                UPDATE job SET state = 'finished', outcome = ?1, record = ?2, updatedAt = ?3,
                    finishedAt = COALESCE(finishedAt, ?3), ticket = NULL, worker = NULL, quietSince = NULL, quietMark = NULL,
                    rememberedSince = (SELECT serviceMilliseconds FROM about), leftFiles = fileCount,
                    leftBytes = (SELECT COALESCE(SUM(sizeBytes), 0) FROM file WHERE job = ?4)
                WHERE number = ?4
                """,
            arguments: [outcome.rawValue, Data(record), now, row.number]
        )
        try db.run(sql: "DELETE FROM start WHERE job = ?", arguments: [row.number])
        try db.run(sql: "DELETE FROM published WHERE job = ?", arguments: [row.number])
        // What a clean-up that was given up may have left stays on the books, so that others remove it.
        try db.run(sql: "UPDATE file SET state = 'marked' WHERE job = ?", arguments: [row.number])
        try trimReservation(db, job: row.number)
    }

    /// Only of the run that `record` is of: a redriven job has another end before it.
    static func noteAnnounced(_ db: Database, _ record: JobRecord, keeping kept: [UInt8]?, now: Int64) throws {
        try db.run(
            sql: """
                UPDATE job SET announcedAt = ?, record = COALESCE(?, record)
                WHERE kind = ? AND id = ? AND state = 'finished' AND redrives = ? AND announcedAt IS NULL
                """,
            arguments: [
                now, kept.map { Data($0) }, record.kind.rawValue, Data(record.id.utf8), record.redrives,
            ]
        )
    }

    /// - Parameter before: the end must be older, or lie in the future, as when the clock was set back.
    static func takeOverEnd(_ db: Database, _ record: JobRecord, token: String, before: Int64, now: Int64) throws
        -> Bool
    {
        try db.run(
            sql: """
                UPDATE job SET finishToken = ?
                WHERE kind = ? AND id = ? AND state = 'finished' AND redrives = ? AND announcedAt IS NULL
                    AND finishToken IS ? AND finishedAt NOT BETWEEN ? AND ?
                """,
            arguments: [
                token, record.kind.rawValue, Data(record.id.utf8), record.redrives, record.finishToken, before, now,
            ]
        )
        return db.changesCount > 0
    }
}
