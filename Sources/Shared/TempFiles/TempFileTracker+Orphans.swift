internal import CLinux
internal import GRDB
internal import Glibc
internal import JobModel
internal import Logging
internal import RootedFiles

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

    /// Lists what a sweep would remove, and removes nothing. What a job needs that is worked on, or that waits for its
    /// next stage, is never among it.
    ///
    /// - Parameter graceTime: how old something unknown must be.
    public func findOrphanedFiles(graceTime: Duration) async throws(TempFileError) -> [OrphanedFile] {
        let policy = try await policy(graceTime)
        var orphans: [OrphanedFile] = []
        for place in try await jobDirectories() {
            let snapshot = try await snapshot(place)
            let verdicts = policy.verdicts(snapshot)
            if verdicts.isEmpty { continue }
            let isHeld = try onFileSystem { () throws(FileSystemError) in
                try LeaseFile.isHeld(workspace.root, directory: place.path)
            }
            if isHeld { continue }
            orphans += verdicts.map { orphan($0, place, job: snapshot.job?.record.key) }
        }
        return orphans
    }

    /// Removes what ``findOrphanedFiles(graceTime:)`` lists, each after a second look under its job's lease.
    ///
    /// - Throws: ``TempFileError`` with code `sweepInProgress` when another process of this host sweeps.
    public func cleanupOrphanedFiles(graceTime: Duration) async throws(TempFileError) -> CleanupReport {
        let start = ContinuousClock.now
        let lock = try sweepLock()
        defer { lock.unlock() }
        let policy = try await policy(graceTime)
        var report = CleanupReport()
        for place in try await jobDirectories() {
            let first = try await snapshot(place)
            if policy.verdicts(first).isEmpty { continue }
            if first.exists, !first.isDirectory {
                // No directory, so no lease; a worker that wants the place removes this name as well.
                report.add(try await removeStray(place))
                continue
            }
            guard let hold = try await tryLease(directory: place.path, makesDirectory: first.job != nil) else {
                continue
            }
            defer { hold.releaseRemovingEmptyDirectory() }
            var second = try await snapshot(place)
            // The lease file that was made just now is no sign of life.
            second.modifiedSeconds = first.modifiedSeconds
            second.exists = first.exists
            report.add(try await sweep(place, second, policy.verdicts(second)))
        }
        report.duration = ContinuousClock.now - start
        var metadata: Logger.Metadata = [LogKey.fileCount: "\(report.filesCleaned)"]
        metadata[LogKey.fileBytes] = "\(report.bytesFreed)"
        metadata[LogKey.durationMilliseconds] = "\(report.duration / .milliseconds(1))"
        logger.info("orphaned files swept, \(report.failures.count) left", metadata: metadata)
        return report
    }

    /// Removes what the verdicts of one directory say. The caller holds its lease.
    private func sweep(
        _ place: JobPlace,
        _ snapshot: JobDirectorySnapshot,
        _ verdicts: [OrphanPolicy.Verdict]
    ) async throws(TempFileError) -> CleanupReport {
        if verdicts.isEmpty { return CleanupReport() }
        let job = snapshot.job?.record.key
        for verdict in verdicts {
            let orphan = orphan(verdict, place, job: job)
            let metadata = (job.map { Logger.Metadata(job: $0) } ?? [LogKey.jobKind: "\(place.kind.rawValue)"])
                .with(LogKey.filePath, orphan.path).with(LogKey.fileBytes, orphan.sizeBytes)
                .with(LogKey.reason, orphan.reason.rawValue)
            logger.info("orphaned file", metadata: metadata)
        }
        // A whole directory that is nobody's goes as one; of a living job only what is listed does.
        guard let row = snapshot.job, row.end == nil else {
            return try await clean(directory: place.path, row: snapshot.job, job: job)
        }
        let names = verdicts.map(\.name)
        let tracked = Set(snapshot.tracked.map(\.name))
        let cleaner = cleaner(directory: place.path, job: job)
        let result = try await OwnThread.run { () throws(TempFileError) in cleaner.remove(names, tracked: tracked) }
        try await settle(result, job: row.number)
        return result.report
    }

    // MARK: - What there is

    /// Every directory of a job, on disk or by the books. Anything but a directory in its place is listed as well.
    func jobDirectories() async throws(TempFileError) -> [JobPlace] {
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
        let known = try await ledger.read { db in
            let sql = "SELECT \(JobRow.columns) FROM job WHERE fileCount > 0 ORDER BY number"
            return try Row.fetchAll(db, sql: sql).compactMap { JobRow($0) }
        }
        let seen = Set(found.map(\.path))
        let onBooksOnly = known.map { JobPlace(kind: $0.record.kind, name: $0.directory, job: $0.record.key) }
        return found + onBooksOnly.filter { !seen.contains($0.path) }
    }

    func row(of place: JobPlace) async throws(TempFileError) -> JobRow? {
        try await ledger.read { try Ledger.job($0, kind: place.kind, directory: place.name) }
    }

    private func snapshot(_ place: JobPlace) async throws(TempFileError) -> JobDirectorySnapshot {
        // The books before the disk: a file is on the books before it is on disk.
        let (row, files) = try await ledger.read { db in
            let row = try Ledger.job(db, kind: place.kind, directory: place.name)
            return (row, try row.map { try Ledger.files(db, job: $0.number) } ?? [])
        }
        let root = workspace.root
        return try await OwnThread.run { () throws(TempFileError) in
            var snapshot = JobDirectorySnapshot(job: row, tracked: files)
            do throws(FileSystemError) {
                guard let found = try root.status(place.path) else { return snapshot }
                snapshot.exists = true
                snapshot.modifiedSeconds = found.modifiedSeconds
                snapshot.isDirectory = found.kind == .directory
                if !snapshot.isDirectory { return snapshot }
                try root.openDirectory(place.path).walkTree(
                    visit: { name, status in
                        if status.kind == .directory || name == LeaseFile.name { return }
                        snapshot.entries.append(
                            JobDirectorySnapshot.Entry(
                                name: name,
                                sizeBytes: status.sizeBytes,
                                modifiedSeconds: status.modifiedSeconds
                            )
                        )
                    },
                    didFail: { _, _ in snapshot.isComplete = false }
                )
            } catch  where error.isNotFound || error.isOutsideRoot {
                // Removed or swapped meanwhile; the next sweep sees what has become of it.
                snapshot.isComplete = false
            } catch {
                throw TempFileError(error)
            }
            return snapshot
        }
    }

    private func orphan(_ verdict: OrphanPolicy.Verdict, _ place: JobPlace, job: JobKey?) -> OrphanedFile {
        OrphanedFile(
            path: workspace.path + "/" + place.path + (verdict.name.isEmpty ? "" : "/" + verdict.name),
            sizeBytes: verdict.sizeBytes,
            age: .seconds(verdict.ageSeconds),
            kind: place.kind,
            job: job,
            reason: verdict.reason
        )
    }

    private func policy(_ graceTime: Duration) async throws(TempFileError) -> OrphanPolicy {
        let begun = try await ledger.read { try Int64.fetchOne($0, sql: "SELECT createdAt FROM about") }
        return OrphanPolicy(
            graceSeconds: max(graceTime.components.seconds, 0),
            nowSeconds: nowMilliseconds / 1000,
            ledgerBegunSeconds: (begun ?? nowMilliseconds) / 1000
        )
    }

    /// - Throws: ``TempFileError`` with code `sweepInProgress`.
    private func sweepLock() throws(TempFileError) -> SweepLock {
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
private final class SweepLock: Sendable {
    private let file: OpenFile
    init(_ file: consuming OpenFile) { self.file = file }
    func unlock() { _ = clinux_unlock(file.descriptor) }
}
