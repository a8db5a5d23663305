internal import FoundationEssentials
internal import GRDB
package import JobModel

extension Books {
    package func head(_ key: JobKey) throws -> JobHead? {
        let sql = "SELECT \(JobHead.columns) FROM job WHERE kind = ? AND id = ?"
        let arguments: StatementArguments = [key.kind.rawValue, Data(key.id.utf8)]
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: arguments).flatMap(JobHead.init)
    }

    package func job(_ key: JobKey) throws -> JobRow? {
        let sql = "SELECT \(JobRow.columns) FROM job WHERE kind = ? AND id = ?"
        let arguments: StatementArguments = [key.kind.rawValue, Data(key.id.utf8)]
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: arguments).flatMap(JobRow.init)
    }

    package func job(kind: MediaKind, directory: String) throws -> JobRow? {
        let sql = "SELECT \(JobRow.columns) FROM job WHERE kind = ? AND directory = ?"
        let arguments: StatementArguments = [kind.rawValue, directory]
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: arguments).flatMap(JobRow.init)
    }

    /// The job's row, made where it is missing.
    package func ensureJob(_ key: JobKey, now: Int64) throws -> JobHead {
        if let known = try head(key) { return known }
        try db.run(
            sql: """
                INSERT INTO job (kind, id, directory, createdAt, updatedAt) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (kind, id) DO NOTHING
                """,
            arguments: [key.kind.rawValue, Data(key.id.utf8), key.directoryName, now, now]
        )
        guard let made = try head(key) else {
            throw TempFileError(
                code: .ledger,
                message: "the ledger holds the job \(key) in a form that this version does not know",
                isRetriable: false
            )
        }
        return made
    }

    /// The job's row, for adding to it.
    ///
    /// - Throws: ``TempFileError`` with code `jobFinished`.
    package func ensureLiveJob(_ key: JobKey, now: Int64) throws -> JobHead {
        let row = try ensureJob(key, now: now)
        guard row.end == nil else {
            throw TempFileError(
                code: .jobFinished,
                message: "the job \(key) is finished; a duplicate of it must be dropped",
                isRetriable: false
            )
        }
        return row
    }

    package func jobsHoldingFiles(in stages: Set<Stage>) throws -> Int {
        let places = databaseQuestionMarks(count: stages.count)
        return try Int.fetchOne(
            db,
            sql: "SELECT COUNT(*) FROM job WHERE state = 'active' AND fileCount > 0 AND stage IN (\(places))",
            arguments: StatementArguments(stages.map(\.rawValue))
        ) ?? 0
    }

    /// The presence of a job with this id, or of one of another kind: the livelier counts. A cancellation request for a
    /// job that no stage has seen is none; a job of the other kind that another host has claimed may be live.
    package func presence(_ key: JobKey, or other: MediaKind?, node: String?) throws -> JobPresence {
        let sql = """
            SELECT MAX(rank) FROM (
                SELECT CASE WHEN state <> 'finished' THEN 2 ELSE announcedAt IS NULL END AS rank
                FROM job WHERE kind IN (?1, ?2) AND id = ?3 AND NOT (stage IS NULL AND isCancelRequested)
                UNION ALL SELECT 2 FROM claim WHERE kind = ?2 AND id = ?3 AND node <> ?4)
            """
        let arguments: StatementArguments = [
            key.kind.rawValue, other?.rawValue ?? "", Data(key.id.utf8), node ?? "",
        ]
        return switch try Int.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) ?? 0 {
        case 0: .none
        case 1: .ending
        default: .live
        }
    }
}
