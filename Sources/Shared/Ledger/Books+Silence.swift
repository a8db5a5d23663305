internal import GRDB
internal import JobModel

/// Jobs of which nothing is heard.
extension Books {
    /// Notes which jobs that have not ended are silent since now: all that changed since they were last noted.
    package func noteSilence() throws {
        try db.run(
            sql: """
                UPDATE job SET quietMark = updatedAt, quietSince = (
                    SELECT milliseconds FROM service
                    WHERE service.kind = job.kind AND service.stage = COALESCE(job.stage, 'download'))
                WHERE state = 'active' AND quietMark IS NOT updatedAt
                """
        )
    }

    /// Jobs that have files, or that have not ended and of which nothing was heard since their silence was noted; the
    /// oldest first.
    package func jobsWithFilesOrSilence() throws -> [JobRow] {
        let sql = """
            SELECT \(JobRow.columns) FROM job WHERE fileCount > 0
                OR (state <> 'finished' AND quietSince IS NOT NULL AND quietMark = updatedAt)
            ORDER BY number
            """
        return try Row.fetchAll(db, sql: sql).compactMap { JobRow($0) }
    }

    /// Notes that somebody works on the job, though its row does not change.
    package func noteSign(job number: Int64) throws {
        try db.run(sql: "UPDATE job SET quietSince = NULL, quietMark = NULL WHERE number = ?", arguments: [number])
    }

    /// The job belongs to the clean-up stage now. An end that an earlier version's message has claimed, and not
    /// recorded, is claimed by the new message.
    package func abandon(job number: Int64, hop: Int64, token: String, now: Int64) throws {
        try db.run(
            sql: """
                UPDATE job SET hop = ?, stage = 'cleanup', updatedAt = ?, quietSince = NULL, quietMark = NULL,
                    finishToken = iif(finishToken IS NULL, NULL, ?)
                WHERE number = ? AND hop <= ? AND state <> 'finished'
                """,
            arguments: [hop, now, token, number, hop]
        )
    }
}
