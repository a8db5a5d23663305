internal import CLinux
internal import Files
internal import Glibc
package import JobModel
package import Ledger
internal import Logging
internal import Threads

extension TempFileTracker {
    static let sweepLockName = "sweep.lock"

    /// A directory in which a job's files are, or should be.
    struct JobPlace: Sendable {
        var kind: MediaKind
        /// Its name within the kind.
        var name: String
        /// The job, when one is known to have it.
        var job: JobKey?

        var path: String { Workspace.jobsDirectory + "/" + kind.rawValue + "/" + name }
    }

    /// Lists what a sweep would remove or report, and changes nothing. What a job needs that is worked on, or that
    /// waits for its next stage, is never among it.
    package func findOrphanedFiles(_ rules: SweepRules) async throws(TempFileError) -> [OrphanedFile] {
        let policy = try await policy(rules)
        var orphans = try await strangers(policy)
        try await forEachSight(jobDirectories(policy), policy) { sight throws(TempFileError) in
            let place = sight.place
            // A job may have ended since the ledger of the whole batch were read.
            let snapshot = try await snapshot(place)
            let verdicts = policy.verdicts(snapshot)
            if verdicts.isEmpty { return }
            let isHeld = try onFileSystem { () throws(FileSystemError) in
                try LeaseFile.isHeld(workspace.root, directory: place.path)
            }
            if isHeld { return }
            orphans += verdicts.map { orphan($0, place, job: snapshot.job?.record.key) }
        }
        return orphans
    }

    /// Removes what ``findOrphanedFiles(_:)`` lists as removable, each after a second look under its job's lease. What
    /// goes wrong with one job is in the report and keeps no other from being looked at.
    ///
    /// - Parameter endAbandoned: called for each abandoned job under its lease; nil leaves them alone.
    /// - Throws: ``TempFileError`` with code `sweepInProgress` when another process of this host sweeps.
    package func cleanupOrphanedFiles(
        _ rules: SweepRules,
        endAbandoned: AbandonedJobEnder? = nil
    ) async throws(TempFileError) -> CleanupReport {
        let start = ContinuousClock.now
        let lock = try sweepLock()
        defer { lock.unlock() }
        do throws(TempFileError) {
            try await ledger.write(outliving: .death, for: .cleaning) { try $0.noteSilence() }
        } catch  where error.code == .ledgerFull {
            // Nothing is removed for it. The next sweep notes it, which gives each job more time.
            logger.warning("the disk is full: not noted which jobs are silent", metadata: [LogKey.cause: "\(error)"])
        }
        let policy = try await policy(rules)
        try await warnOfStrangers(policy)
        var report = CleanupReport()
        try await forEachSight(jobDirectories(policy), policy) { sight throws(TempFileError) in
            do throws(TempFileError) {
                report.add(try await sweep(sight, policy, endAbandoned))
            } catch {
                let path = workspace.path + "/" + sight.place.path
                report.failures.append(CleanupReport.Failure(path: path, errno: error.errno ?? EIO))
                logger.error(
                    "cleanup: a job's directory could not be swept; it is tried again at the next sweep",
                    metadata: [LogKey.filePath: "\(path)", LogKey.cause: "\(error)"]
                )
            }
        }
        report.duration = ContinuousClock.now - start
        var metadata: Logger.Metadata = [LogKey.fileCount: "\(report.filesCleaned)"]
        metadata[LogKey.fileBytes] = "\(report.bytesFreed)"
        metadata[LogKey.durationMilliseconds] = "\(Int64(report.duration / .milliseconds(1)))"
        logger.info(
            """
            cleanup: orphaned files swept, \(report.failures.count) left, \
            \(report.abandonedJobs) abandoned jobs ended
            """,
            metadata: metadata
        )
        return report
    }

    private func sweep(
        _ sight: Sight,
        _ policy: OrphanPolicy,
        _ endAbandoned: AbandonedJobEnder?
    ) async throws(TempFileError) -> CleanupReport {
        let (place, first, found) = (sight.place, try sight.snapshot.get(), sight.verdicts)
        for verdict in found where !verdict.isRemovable {
            let orphan = orphan(verdict, place, job: first.job?.record.key)
            logger.warning("cleanup: a foreign entry is left alone", metadata: metadata(orphan))
        }
        if !found.contains(where: \.isRemovable) { return CleanupReport() }
        if first.exists, !first.isDirectory {
            // No directory, so no lease; a worker that wants the place removes this name as well.
            return try await removeStray(place)
        }
        guard let hold = try await tryLease(directory: place.path, makesDirectory: first.job != nil) else {
            // Somebody works on it.
            if let row = first.job {
                try await ledger.write(outliving: .death, for: .cleaning) { try $0.noteSign(job: row.number) }
            }
            return CleanupReport()
        }
        defer { hold.releaseRemovingEmptyDirectory() }
        var second = try await snapshot(place)
        // The lease file that was made just now is no sign of life.
        second.modifiedSeconds = first.modifiedSeconds
        second.exists = first.exists
        if let row = second.job, let silence = policy.abandonedFor(row) {
            guard let endAbandoned else { return CleanupReport() }
            return try await end(row, silence: .milliseconds(silence), endAbandoned)
        }
        return try await sweep(place, second, policy.verdicts(second).filter(\.isRemovable))
    }

    /// Removes what the verdicts of one directory say. The caller holds its lease.
    private func sweep(
        _ place: JobPlace,
        _ snapshot: JobDirectorySnapshot,
        _ verdicts: [OrphanPolicy.Verdict]
    ) async throws(TempFileError) -> CleanupReport {
        if verdicts.isEmpty { return CleanupReport() }
        count(orphans: verdicts.map(\.reason))
        let job = snapshot.job?.record.key
        for verdict in verdicts {
            logger.info("cleanup: orphaned file", metadata: metadata(orphan(verdict, place, job: job)))
        }
        // A whole directory that is nobody's goes as one; of a living job only what is listed does.
        guard let row = snapshot.job, row.end == nil, verdicts.first?.reason != .overdueCleanup else {
            return try await clean(directory: place.path, row: snapshot.job, job: job)
        }
        let names = verdicts.map(\.name)
        let tracked = Set(snapshot.tracked.keys)
        let cleaner = cleaner(directory: place.path, job: job)
        let result = try await OwnThread.run { () throws(TempFileError) in cleaner.remove(names, tracked: tracked) }
        try await settle(result) { _ in row.number }
        count(result.report)
        return result.report
    }

    private func end(
        _ row: JobRow,
        silence: Duration,
        _ ender: AbandonedJobEnder
    ) async throws(TempFileError) -> CleanupReport {
        try await handToCleanup(row, silence: silence, ender)
        logger.warning(
            "nobody works on the job, and nothing was heard of it for too long; it is ended",
            metadata: Logger.Metadata(job: row.record.key).with("job.silence.seconds", silence.components.seconds)
        )
        var report = CleanupReport()
        report.abandonedJobs = 1
        count(orphans: [.abandonedJob])
        return report
    }

    /// Gives a job that nobody works on to its clean-up stage, which deletes its files and tells clients. The caller
    /// holds its lease, so that no message of the job is worked on in between; one that comes later is stale.
    package func handToCleanup(_ row: JobRow, silence: Duration, _ ender: AbandonedJobEnder) async throws(TempFileError)
    {
        let job = row.record.key
        let handOver: AbandonedHandOver
        do {
            handOver = try await ender(AbandonedJob(record: row.record, ticket: row.ticket, silence: silence))
        } catch {
            throw TempFileError(
                code: .notEnded,
                message: "the job \(job) was not given to its clean-up stage: \(error)",
                isRetriable: true
            )
        }
        let now = nowMilliseconds
        try await ledger.write(for: .cleaning) { books in
            try books.abandon(job: row.number, hop: handOver.hop, token: handOver.token, now: now)
        }
    }

    // MARK: - What there is

    /// Every directory of a job, on disk or by the ledger. Anything but a directory in its place is listed as well.
    ///
    /// - Parameter policy: adds the jobs that it may find abandoned, though they have no files.
    func jobDirectories(_ policy: OrphanPolicy? = nil) async throws(TempFileError) -> [JobPlace] {
        let root = workspace.root
        let found = try await OwnThread.run { () throws(TempFileError) in
            var found: [JobPlace] = []
            for kind in MediaKind.allCases {
                let path = Workspace.jobsDirectory + "/" + kind.rawValue
                let names: [String]
                do {
                    names = try root.openDirectory(path).entryNames()
                } catch let error as FileSystemError {
                    throw TempFileError(error)
                } catch {
                    throw TempFileError(code: .fileSystem, message: "list \(path): \(error)", isRetriable: true)
                }
                found += names.map { JobPlace(kind: kind, name: $0, job: nil) }
            }
            return found
        }
        let known = try await ledger.read { books in
            try books.jobsWithFilesOrSilence().filter { row in row.hasFiles || policy?.abandonedFor(row) != nil }
        }
        let seen = Set(found.map { ByteText($0.path) })
        let onBooksOnly = known.map { JobPlace(kind: $0.record.kind, name: $0.directory, job: $0.record.key) }
        return found + onBooksOnly.filter { !seen.contains(ByteText($0.path)) }
    }

    func row(of place: JobPlace) async throws(TempFileError) -> JobRow? {
        try await ledger.read { try $0.job(kind: place.kind, directory: place.name) }
    }

    private func snapshot(_ place: JobPlace) async throws(TempFileError) -> JobDirectorySnapshot {
        let books = try await ledger.read { try PlaceOnBooks($0, place) }
        let root = workspace.root
        return try await OwnThread.run { () throws(TempFileError) in try Self.look(place, books, root) }
    }

    private func orphan(_ verdict: OrphanPolicy.Verdict, _ place: JobPlace, job: JobKey?) -> OrphanedFile {
        OrphanedFile(
            path: workspace.path + "/" + place.path + (verdict.name.isEmpty ? "" : "/" + verdict.name),
            sizeBytes: verdict.sizeBytes,
            age: .seconds(verdict.ageSeconds),
            kind: place.kind,
            job: job,
            reason: verdict.reason,
            detail: verdict.detail,
            isRemovable: verdict.isRemovable
        )
    }

    func metadata(_ orphan: OrphanedFile) -> Logger.Metadata {
        var metadata = (orphan.job.map { Logger.Metadata(job: $0) } ?? [:])
            .with(LogKey.filePath, orphan.path).with(LogKey.fileBytes, orphan.sizeBytes)
            .with(LogKey.reason, orphan.reason.rawValue)
        if orphan.job == nil, let kind = orphan.kind { metadata[LogKey.jobKind] = "\(kind.rawValue)" }
        if let detail = orphan.detail { metadata["file.kind"] = "\(detail)" }
        return metadata
    }

    func policy(_ rules: SweepRules) async throws(TempFileError) -> OrphanPolicy {
        let (about, served) = try await ledger.read { books in
            ((begun: try books.begunAt(), service: try books.serviceMilliseconds()), try books.served())
        }
        let limit = rules.maximumSilence.map { max($0 / .milliseconds(1), 0) }
        return OrphanPolicy(
            graceSeconds: max(rules.graceTime.components.seconds, 0),
            nowSeconds: nowMilliseconds / 1000,
            ledgerBegunSeconds: (about.begun ?? nowMilliseconds) / 1000,
            serviceMilliseconds: about.service,
            servedMilliseconds: served,
            maximumSilenceMilliseconds: limit.map { $0 < 1e15 ? Int64($0) : Int64.max }
        )
    }

    /// The right to sweep, given up with the object.
    ///
    /// - Throws: ``TempFileError`` with code `sweepInProgress`.
    func sweepLock() throws(TempFileError) -> SweepLock {
        do throws(FileSystemError) {
            let file = try workspace.root.openFile(Self.sweepLockName, flags: O_RDWR | O_CREAT)
            switch clinux_lock_exclusively(file.descriptor) {
            case 0: return SweepLock(file)
            case EAGAIN, EACCES: break
            case let failure: throw .init(operation: "lock", path: Self.sweepLockName, errno: failure)
            }
        } catch {
            throw TempFileError(error)
        }
        throw TempFileError(
            code: .sweepInProgress,
            message: "another process is sweeping \(workspace.path); try again when it is done",
            isRetriable: true
        )
    }
}

/// The right to sweep the workspace.
final class SweepLock: Sendable {
    private let file: OpenFile
    init(_ file: consuming OpenFile) { self.file = file }
    func unlock() { _ = clinux_unlock(file.descriptor) }
}
