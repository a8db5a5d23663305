internal import CrashPoints
internal import Files
internal import Glibc
package import JobModel
internal import Ledger
internal import Logging
internal import Threads

extension TempFileTracker {
    /// Removes files of a job now, as an output whose upload is confirmed, and takes them out of the ledger. What
    /// cannot be removed is in the report and stays in the ledger, marked. Called under the job's lease.
    ///
    /// - Parameters:
    ///   - paths: absolute, or names. One that is not in the job's directory is a failure with `EXDEV`, and is left
    ///     alone.
    ///   - isLast: the job gives back what it has reserved and its files do not take.
    package func releaseFiles(_ paths: [String], job: JobKey, isLast: Bool = false) async -> CleanupReport {
        let start = ContinuousClock.now
        var report = CleanupReport()
        var names: [String] = []
        for path in paths {
            if let name = trackableName(path, job: job) {
                names.append(name)
            } else {
                report.failures.append(CleanupReport.Failure(path: path, errno: EXDEV))
            }
        }
        if !report.failures.isEmpty {
            logger.warning(
                "cleanup: files outside their job's directory were to be released; they are left alone",
                metadata: Logger.Metadata(job: job).with(LogKey.fileCount, report.failures.count)
                    .with(LogKey.filePath, report.failures[0].path.clipped(toBytes: 300))
            )
        }
        let (wanted, cleaner) = (names, cleaner(directory: workspace.directory(of: job), job: job))
        do throws(TempFileError) {
            let result = try await OwnThread.run { () throws(TempFileError) in
                cleaner.remove(wanted, tracked: Set(wanted.map { ByteText($0) }))
            }
            report.add(result.report)
            try await settle(result, givingBackSpace: isLast) { try $0.head(job)?.number }
        } catch {
            // Rows of files that are gone do no harm: the job's clean-up drops them.
            logger.error(
                "cleanup: files are removed, but their rows are still in the ledger",
                metadata: Logger.Metadata(job: job).with(LogKey.cause, error)
            )
        }
        report.duration = ContinuousClock.now - start
        count(report)
        return report
    }

    /// Removes all that a job has on disk: what the ledger lists, whatever else is in its directory, and the directory.
    /// Links are removed themselves, never followed. What cannot be removed stays in the ledger, marked, and is
    /// reported.
    ///
    /// - Parameter onActivity: called for each file that is removed.
    /// - Throws: ``TempFileError`` with code `leaseNotHeld` when this tracker does not hold the job's lease.
    package func cleanupJobTempFiles(
        _ job: JobKey,
        onActivity: @escaping @Sendable () -> Void = {}
    ) async throws(TempFileError) -> CleanupReport {
        try requireLease(job)
        let (row, known) = try await ledger.read { books in
            let row = try books.job(job)
            return (row, try row.map { try books.fileNumbers(job: $0.number) } ?? [:])
        }
        let report = try await clean(
            directory: workspace.directory(of: job),
            row: row,
            known: known,
            job: job,
            onActivity: onActivity
        )
        var metadata = Logger.Metadata(job: job)
        metadata[LogKey.fileCount] = "\(report.filesCleaned)"
        metadata[LogKey.fileBytes] = "\(report.bytesFreed)"
        metadata[LogKey.durationMilliseconds] = "\(Int64(report.duration / .milliseconds(1)))"
        logger.info("cleanup: the temp files of the job are removed", metadata: metadata)
        return report
    }

    /// Removes the temp files of every job that nobody works on.
    ///
    /// - Parameter spared: Jobs that are in one of these stages keep their files.
    package func cleanupAllTempFiles(sparing spared: Set<Stage> = []) async throws(TempFileError) -> CleanupReport {
        let start = ContinuousClock.now
        var report = CleanupReport()
        for place in try await jobDirectories() {
            report.add(try await removeStray(place))
            guard let hold = try await tryLease(directory: place.path, makesDirectory: place.job != nil) else {
                continue
            }
            defer { hold.releaseRemovingEmptyDirectory() }
            let row = try await row(of: place)
            if let record = row?.record, record.state == .active, let stage = record.stage, spared.contains(stage) {
                continue
            }
            report.add(try await clean(directory: place.path, row: row, job: row?.record.key))
        }
        report.duration = ContinuousClock.now - start
        return report
    }

    /// Empties and removes one directory. The caller holds its lease.
    ///
    /// - Parameter known: the names that the ledger lists, with the numbers of their rows; nil when they were not read
    ///   yet.
    func clean(
        directory: String,
        row: JobRow?,
        known: [ByteText: Int64]? = nil,
        job: JobKey?,
        onActivity: @escaping @Sendable () -> Void = {}
    ) async throws(TempFileError) -> CleanupReport {
        let start = ContinuousClock.now
        var cleaner = cleaner(directory: directory, job: job)
        cleaner.onRemoval = onActivity
        var numbers = known ?? [:]
        if known == nil, let row { numbers = try await ledger.read { try $0.fileNumbers(job: row.number) } }
        let tracked = numbers
        var result = try await OwnThread.run { [cleaner] () throws(TempFileError) in cleaner.empty(tracked: tracked) }
        // First the ledger, then the directory: were it the other way round, a new worker could plan files in between.
        if let row {
            // In the clean-up stage's place; the job's end gives the rest back.
            try await settle(result, givingBackSpace: row.record.stage == .cleanup) { _ in row.number }
        }
        if result.report.failures.isEmpty {
            var report = result.report
            cleaner.removeDirectory(into: &report)
            result.report = report
        }
        result.report.duration = ContinuousClock.now - start
        count(result.report)
        return result.report
    }

    /// Removes the files of a job before the ledger can say so, as when the disk is full. The caller holds the job's
    /// lease.
    ///
    /// - Parameter tracked: the names that the ledger lists, with the numbers of their rows.
    package func removeAhead(of job: JobKey, tracked: [ByteText: Int64]) async throws(TempFileError) -> CleanupReport {
        let cleaner = cleaner(directory: workspace.directory(of: job), job: job)
        let result = try await OwnThread.run { () throws(TempFileError) in cleaner.empty(tracked: tracked) }
        count(result.report)
        return result.report
    }

    /// Removes what is in the place of a job's directory and is none.
    func removeStray(_ place: JobPlace) async throws(TempFileError) -> CleanupReport {
        let cleaner = cleaner(directory: place.path, job: place.job)
        let report = try await OwnThread.run { () throws(TempFileError) in cleaner.removeStray() }
        count(report)
        return report
    }

    /// - Parameter job: the number of its row; nil when the ledger does not know it.
    func settle(
        _ result: JobDirectoryCleaner.Result,
        givingBackSpace: Bool = false,
        _ job: @escaping @Sendable (Books) throws -> Int64?
    ) async throws(TempFileError) {
        let (gone, numbers, failed) = (result.gone, result.goneNumbers, result.failed)
        if gone.isEmpty, numbers.isEmpty, failed.isEmpty, !givingBackSpace { return }
        try await ledger.write(outliving: .death, for: .cleaning) { books in
            guard let number = try job(books) else { return }
            try books.settle(job: number, gone: gone, numbers: numbers, failed: failed)
            if givingBackSpace { try books.trimReservation(job: number) }
        }
        CrashPoint.removalRecorded.cross()
    }

    func cleaner(directory: String, job: JobKey?) -> JobDirectoryCleaner {
        JobDirectoryCleaner(
            root: workspace.root,
            directory: directory,
            logger: logger,
            metadata: job.map { Logger.Metadata(job: $0) } ?? [:],
            level: fileLevel
        )
    }
}
