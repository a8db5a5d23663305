internal import JobModel
internal import JobStore
internal import Logging
internal import Settings
internal import Synchronization
internal import TempFiles
internal import Text
internal import WorkerProtocol

/// Removes orphaned temp files, ends abandoned jobs, tries stuck files again and keeps the ledger small: at the start
/// and from time to time.
struct Sweeper: MaintenanceService {
    var tracker: TempFileTracker
    var settings: Settings
    var endAbandoned: AbandonedJobEnder
    var logger: Logger

    /// Between two looks at the whole.
    static let interval = Duration.seconds(60)
    /// Between two looks for files that the clean-up of a job was given up with: one row of the ledger, which tells
    /// nobody that it is there.
    static let leftInterval = Duration.seconds(2)

    /// Runs until the task is cancelled.
    func run() async {
        let start = ContinuousClock.now
        let interval = Duration.seconds(settings.cleanupIntervalHours * 3600)
        var schedule = SweepSchedule(interval: interval)
        var nextTurn = Duration.zero
        while !Task.isCancelled {
            let elapsed = start.duration(to: .now)
            if elapsed >= nextTurn {
                await turn(&schedule, elapsed: elapsed)
                nextTurn = elapsed + min(Self.interval, interval)
            }
            await removeLeft(&schedule, elapsed: elapsed)
            do { try await Task.sleep(for: Self.leftInterval) } catch {}
        }
    }

    private func removeLeft(_ schedule: inout SweepSchedule, elapsed: Duration) async {
        do throws(TempFileError) {
            let hasLeft = try await tracker.hasUntriedFiles()
            guard schedule.isDueForLeft(at: elapsed, hasLeft: hasLeft) else { return }
            tell(try await tracker.retryStuckFiles(), "files that a clean-up was given up with are gone")
        } catch {
            logger.log(
                level: error.code == .sweepInProgress ? .debug : .warning,
                "cleanup: files that a clean-up was given up with are not removed yet",
                metadata: [LogKey.cause: "\(error)"]
            )
        }
    }

    private func turn(_ schedule: inout SweepSchedule, elapsed: Duration) async {
        do throws(TempFileError) {
            let hasStuckFiles = try await !tracker.stuckFiles(limit: 1).isEmpty
            switch schedule.action(at: elapsed, hasStuckFiles: hasStuckFiles) {
            case .sweep:
                // Jobs that could not be ended, as while the broker is away, are tried again soon.
                if try await !sweep() { schedule.postpone(until: elapsed + Self.interval) }
            case .retry:
                tell(try await tracker.retryStuckFiles(), "files that could not be removed are gone")
            case nil: break
            }
            let overdue = try await tracker.cleanupOverdueJobs(SweepRules(settings))
            tell(
                overdue,
                "the clean-up stage does not come to its jobs; their files are removed in its place",
                .warning
            )
        } catch  where error.code == .sweepInProgress {
            schedule.postpone(until: elapsed + Self.interval)
            logger.notice("cleanup: another process sweeps the workspace; trying again in a minute")
        } catch {
            logger.error("cleanup: the sweep failed", metadata: [LogKey.cause: "\(error)"])
        }
    }

    private func tell(_ report: CleanupReport, _ what: String, _ level: Logger.Level = .notice) {
        if report.filesCleaned == 0 { return }
        logger.log(
            level: level,
            "cleanup: \(what)",
            metadata: [LogKey.fileCount: "\(report.filesCleaned)", LogKey.fileBytes: "\(report.bytesFreed)"]
        )
    }

    /// - Returns: false when an abandoned job could not be ended.
    private func sweep() async throws(TempFileError) -> Bool {
        let hasFailed = Mutex(false)
        let report = try await tracker.cleanupOrphanedFiles(SweepRules(settings)) { [endAbandoned] job in
            do {
                return try await endAbandoned(job)
            } catch {
                hasFailed.withLock { $0 = true }
                throw error
            }
        }
        for failure in report.failures {
            logger.warning(
                "cleanup: an orphaned file could not be removed",
                metadata: [LogKey.filePath: "\(failure.path)", LogKey.cause: "\(systemMessage(failure.errno))"]
            )
        }
        let batch = 10_000
        var forgotten = 0
        while !Task.isCancelled {
            let count = try await tracker.jobs.forgetFinishedJobs(
                olderThan: .seconds(settings.jobRetentionHours * 3600),
                limit: batch
            )
            forgotten += count
            if count < batch { break }
        }
        // Another of several hosts may have the job, which is under way for so much longer at most.
        let hours = settings.jobRetentionHours + (settings.nodeID == nil ? 0 : settings.jobMaximumAgeHours)
        try await tracker.jobs.forgetClaims(olderThan: .seconds(hours * 3600))
        if forgotten > 0 { logger.info("forgot finished jobs", metadata: ["job.count": "\(forgotten)"]) }
        try await tracker.jobs.truncateLedgerLog()
        return hasFailed.withLock { !$0 }
    }
}

extension SweepRules {
    init(_ settings: Settings) {
        self.init(
            graceTime: .seconds(settings.orphanGraceMinutes * 60),
            maximumSilence: .seconds(settings.jobMaximumAgeHours * 3600)
        )
    }
}
