internal import FoundationEssentials
internal import GRDB
package import JobModel

/// Files that are still there though nobody needs them.
extension Books {
    /// A file whose removal has failed, or one of a finished job.
    package struct StuckRow: Sendable {
        package var job: JobKey
        /// The name of the job's directory within its kind.
        package var directory: String
        /// Relative to that directory.
        package var name: String
        /// The kernel's answer to the last try; nil before the first that came to its end.
        package var errno: CInt?
        /// Tries so far.
        package var attempts: Int64
    }

    /// The most tried first.
    package func stuckFiles(limit: Int) throws -> [StuckRow] {
        let sql = """
            SELECT job.kind, job.id, job.directory, file.name, file.errno, file.attempts
            FROM file JOIN job ON job.number = file.job WHERE file.attempts > 0
            UNION ALL
            SELECT job.kind, job.id, job.directory, file.name, file.errno, file.attempts
            FROM job JOIN file ON file.job = job.number
            WHERE job.state = 'finished' AND job.fileCount > 0 AND file.attempts = 0
            ORDER BY 6 DESC LIMIT ?
            """
        return try Row.fetchAll(db, sql: sql, arguments: [max(limit, 0)]).compactMap { row in
            guard let kind = MediaKind(rawValue: row["kind"]) else { return nil }
            let id: Data = row["id"]
            let number: Int64? = row["errno"]
            return StuckRow(
                job: JobKey(kind: kind, id: ByteText(String(decoding: id, as: UTF8.self))),
                directory: row["directory"],
                name: row["name"],
                errno: number.flatMap { CInt(exactly: $0) },
                attempts: row["attempts"]
            )
        }
    }

    /// Whether finished jobs have files that nobody has tried to remove.
    package func hasUntriedFiles() throws -> Bool {
        let sql = """
            SELECT EXISTS (SELECT 1 FROM job JOIN file ON file.job = job.number
            WHERE job.state = 'finished' AND job.fileCount > 0 AND file.attempts = 0)
            """
        return try Bool.fetchOne(db.cachedStatement(sql: sql)) ?? false
    }

    package func finishedJobsWithFiles() throws -> [JobRow] {
        try jobsWithFiles(where: "state = 'finished'", arguments: [])
    }

    /// Jobs with files that have waited for their clean-up stage since `moment`, in seconds since 1970, or for longer.
    package func jobsWithFiles(waitingForCleanupSince moment: Int64) throws -> [JobRow] {
        try jobsWithFiles(
            where: "state <> 'finished' AND stage = 'cleanup' AND updatedAt / 1000 <= ?",
            arguments: [moment]
        )
    }

    private func jobsWithFiles(where condition: String, arguments: StatementArguments) throws -> [JobRow] {
        let sql = "SELECT \(JobRow.columns) FROM job WHERE fileCount > 0 AND \(condition)"
        return try Row.fetchAll(db, sql: sql, arguments: arguments).compactMap { JobRow($0) }
    }
}
