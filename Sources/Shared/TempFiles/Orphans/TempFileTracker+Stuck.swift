internal import Glibc
package import JobModel
internal import Ledger
internal import Logging

/// A file of a job's that could not be removed, or that its clean-up was given up before. It stays in the ledger until
/// it is gone.
package struct StuckFile: Sendable, Hashable {
    /// Absolute.
    package var path: String
    package var job: JobKey
    /// The kernel's answer to the last try; nil before the first that came to its end.
    package var errno: CInt?
    /// Tries so far.
    package var attempts: Int64

    package init(path: String, job: JobKey, errno: CInt?, attempts: Int64) {
        self.path = path
        self.job = job
        self.errno = errno
        self.attempts = attempts
    }
}

extension TempFileTracker {
    /// Files whose removal has failed, and those of finished jobs, the most tried first.
    package func stuckFiles(limit: Int = 100) async throws(TempFileError) -> [StuckFile] {
        let workspace = workspace
        return try await ledger.read { try $0.stuckFiles(limit: limit) }.map { row in
            let place = "\(Workspace.jobsDirectory)/\(row.job.kind.rawValue)/\(row.directory)"
            return StuckFile(
                path: "\(workspace.path)/\(place)/\(row.name)",
                job: row.job,
                errno: row.errno,
                attempts: row.attempts
            )
        }
    }

    /// Tries again to remove what finished jobs have left. Files of jobs that have not ended wait for their clean-up.
    ///
    /// - Throws: ``TempFileError`` with code `sweepInProgress` when another process of this host sweeps.
    package func retryStuckFiles() async throws(TempFileError) -> CleanupReport {
        try await clean(jobs: ledger.read { try $0.finishedJobsWithFiles() }, isStillDue: { $0.end != nil })
    }

    /// Whether finished jobs have files that no try to remove them has come to its end with: their clean-up was given
    /// up.
    package func hasUntriedFiles() async throws(TempFileError) -> Bool {
        try await ledger.read { try $0.hasUntriedFiles() }
    }

    /// Removes the files of jobs that have waited for their clean-up stage for longer than the grace time. The jobs
    /// themselves wait on: that stage ends them once it works again.
    ///
    /// - Throws: ``TempFileError`` with code `sweepInProgress` when another process of this host sweeps.
    package func cleanupOverdueJobs(_ rules: SweepRules) async throws(TempFileError) -> CleanupReport {
        let policy = try await policy(rules)
        let limit = policy.nowSeconds.subtractingReportingOverflow(policy.graceSeconds)
        let moment = limit.overflow ? Int64.min : limit.partialValue
        return try await clean(
            jobs: ledger.read { try $0.jobsWithFiles(waitingForCleanupSince: moment) },
            isStillDue: { policy.overdueFor($0) != nil }
        )
    }

    /// Empties the directories of jobs, each if it is still due under its lease.
    private func clean(
        jobs rows: [JobRow],
        isStillDue: (JobRow) -> Bool
    ) async throws(TempFileError) -> CleanupReport {
        let start = ContinuousClock.now
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
            guard let current = try await ledger.read({ try $0.job(job) }), isStillDue(current) else {
                continue
            }
            report.add(try await clean(directory: directory, row: current, job: job))
        }
        report.duration = ContinuousClock.now - start
        return report
    }
}
