internal import FoundationEssentials
internal import GRDB
internal import Glibc
public import JobModel
internal import Logging

/// A file of a job's that could not be removed, or that its clean-up was given up before. It stays on the books until it is gone.
public struct StuckFile: Sendable, Hashable {
    /// Absolute.
    public var path: String
    public var job: JobKey
    /// The kernel's answer to the last try; nil before the first that came to its end.
    public var errno: CInt?
    /// Tries so far.
    public var attempts: Int64

    public init(path: String, job: JobKey, errno: CInt?, attempts: Int64) {
        self.path = path
        self.job = job
        self.errno = errno
        self.attempts = attempts
    }
}

extension TempFileTracker {
    /// Files whose removal has failed, and those of finished jobs, the most tried first.
    public func stuckFiles(limit: Int = 100) async throws(TempFileError) -> [StuckFile] {
        let workspace = workspace
        return try await ledger.read { db in
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
                let (directory, name): (String, String) = (row["directory"], row["name"])
                return StuckFile(
                    path: "\(workspace.path)/\(Workspace.jobsDirectory)/\(kind.rawValue)/\(directory)/\(name)",
                    job: JobKey(kind: kind, id: ByteText(String(decoding: id, as: UTF8.self))),
                    errno: number.flatMap { CInt(exactly: $0) },
                    attempts: row["attempts"]
                )
            }
        }
    }

    /// Tries again to remove what finished jobs have left. Files of jobs that have not ended wait for their clean-up.
    ///
    /// - Throws: ``TempFileError`` with code `sweepInProgress` when another process of this host sweeps.
    public func retryStuckFiles() async throws(TempFileError) -> CleanupReport {
        try await cleanJobs(
            where: "state = 'finished'",
            arguments: [],
            isStillDue: { $0.end != nil }
        )
    }

    /// Whether finished jobs have files that no try to remove them has come to its end with: their clean-up was given up.
    public func hasUntriedFiles() async throws(TempFileError) -> Bool {
        try await ledger.read { db in
            let sql = """
                SELECT EXISTS (SELECT 1 FROM job JOIN file ON file.job = job.number
                WHERE job.state = 'finished' AND job.fileCount > 0 AND file.attempts = 0)
                """
            return try Bool.fetchOne(db.cachedStatement(sql: sql)) ?? false
        }
    }

    /// Removes the files of jobs that have waited for their clean-up stage for longer than the grace time. The jobs themselves
    /// wait on: that stage ends them once it works again.
    ///
    /// - Throws: ``TempFileError`` with code `sweepInProgress` when another process of this host sweeps.
    public func cleanupOverdueJobs(_ rules: SweepRules) async throws(TempFileError) -> CleanupReport {
        let policy = try await policy(rules)
        let limit = policy.nowSeconds.subtractingReportingOverflow(policy.graceSeconds)
        return try await cleanJobs(
            where: "state <> 'finished' AND stage = 'cleanup' AND updatedAt / 1000 <= ?",
            arguments: [limit.overflow ? .min : limit.partialValue],
            isStillDue: { policy.overdueFor($0) != nil }
        )
    }

    /// Empties the directories of the jobs that have files and meet an SQL condition.
    private func cleanJobs(
        where condition: String,
        arguments: [Int64],
        isStillDue: (JobRow) -> Bool
    ) async throws(TempFileError) -> CleanupReport {
        let start = ContinuousClock.now
        let rows = try await ledger.read { db in
            let sql = "SELECT \(JobRow.columns) FROM job WHERE fileCount > 0 AND \(condition)"
            return try Row.fetchAll(db, sql: sql, arguments: StatementArguments(arguments)).compactMap { JobRow($0) }
        }
        var report = CleanupReport()
        if rows.isEmpty { return report }
        let lock = try sweepLock()
        defer { lock.unlock() }
        for row in rows {
            let job = row.record.key
            let directory = workspace.directory(of: job)
            guard let hold = try await tryLease(directory: directory, makesDirectory: true) else { continue }
            defer { hold.releaseRemovingEmptyDirectory() }
            // Whoever held the lease until now may have settled it.
            guard let current = try await ledger.read({ try Ledger.job($0, job) }), isStillDue(current) else {
                continue
            }
            report.add(try await clean(directory: directory, row: current, job: job))
        }
        report.duration = ContinuousClock.now - start
        return report
    }
}
