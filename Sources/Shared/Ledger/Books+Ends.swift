internal import FoundationEssentials
internal import GRDB
package import JobModel

/// The end of a job: recorded, then announced.
extension Books {
    /// Objects of a job that ends, which nobody could delete yet.
    private static let isLeft = "spill.kind = job.kind AND spill.id = job.id AND spill.state = 'leaving'"

    /// Ends a job, once: of several messages that could, the first does. An end that an earlier version's message has
    /// claimed, and not recorded, is that message's, or that of the message which took it over.
    ///
    /// - Returns: whether this call has ended the job.
    package func end(
        _ key: JobKey,
        outcome: JobOutcome,
        token: String,
        record: [UInt8],
        now: Int64
    ) throws -> Bool {
        let row = try ensureJob(key, now: now)
        try db.run(
            sql: """
                UPDATE job SET state = 'finished', outcome = ?1, finishToken = ?2, record = ?3, updatedAt = ?4,
                    finishedAt = ?4, ticket = NULL, worker = NULL, quietSince = NULL, quietMark = NULL,
                    rememberedSince = (SELECT serviceMilliseconds FROM about),
                    leftFiles = fileCount + (SELECT COUNT(*) FROM spill WHERE \(Self.isLeft)),
                    leftBytes = (SELECT COALESCE(SUM(sizeBytes), 0) FROM file WHERE job = ?5)
                        + (SELECT COALESCE(SUM(sizeBytes), 0) FROM spill WHERE \(Self.isLeft)),
                    leftObjects = (SELECT COUNT(*) FROM object WHERE job = ?5 AND ?1 <> 'completed')
                WHERE number = ?5 AND state = 'active' AND COALESCE(finishToken, ?2) = ?2
                """,
            arguments: [outcome.rawValue, token, Data(record), now, row.number]
        )
        guard db.changesCount > 0 else { return false }
        try db.run(sql: "DELETE FROM start WHERE job = ?", arguments: [row.number])
        try db.run(sql: "DELETE FROM published WHERE job = ?", arguments: [row.number])
        // Those of another outcome are left, and somebody else removes them.
        if outcome == .completed {
            try db.run(sql: "DELETE FROM object WHERE job = ?", arguments: [row.number])
            try db.run(sql: "DELETE FROM upload WHERE job = ?", arguments: [row.number])
        } else {
            try releaseKeys(job: row.number)
        }
        // Files that a given-up clean-up may have left stay in the ledger, so that others remove them.
        try db.run(sql: "UPDATE file SET state = 'marked' WHERE job = ?", arguments: [row.number])
        try trimReservation(job: row.number)
        try forgetSpillReservation(job: row.number)
        return true
    }

    /// Only of the run that `record` is of: a redriven job has another end before it.
    package func noteAnnounced(_ record: JobRecord, keeping kept: [UInt8]?, now: Int64) throws {
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
    package func takeOverEnd(_ record: JobRecord, token: String, before: Int64, now: Int64) throws
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
