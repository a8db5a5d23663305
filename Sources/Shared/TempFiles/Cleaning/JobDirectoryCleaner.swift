internal import CrashPoints
internal import Files
internal import Glibc
internal import JobModel
internal import Ledger
internal import Logging

/// Empties the directory of one job. Blocks; the caller holds the directory's lease.
struct JobDirectoryCleaner {
    struct Result: Sendable {
        var report = CleanupReport()
        /// Names of tracked files that are no longer there.
        var gone: [String] = []
        /// Numbers of the rows of such.
        var goneNumbers: [Int64] = []
        /// Names of tracked files that still are.
        var failed: [(name: String, errno: CInt)] = []
        /// Names removed that were not in the ledger.
        var strays = 0
    }

    private static let loggedRemovals = 1000

    let root: RootedDirectory
    /// Relative to `root`.
    let directory: String
    let logger: Logger
    let metadata: Logger.Metadata
    /// The level of a removed file's line.
    let level: Logger.Level
    var onRemoval: @Sendable () -> Void = {}

    /// Removes all that the directory holds but the lease file.
    ///
    /// - Parameter tracked: the names that the ledger lists, with the numbers of their rows.
    func empty(tracked: [ByteText: Int64]) -> Result {
        var result = Result()
        var errors: [(name: String, errno: CInt)] = []
        let opened: RootedDirectory
        do throws(FileSystemError) {
            guard let found = try root.status(directory) else {
                result.goneNumbers = Array(tracked.values)
                return result
            }
            if found.kind != .directory {
                result.report = removeStray()
                result.goneNumbers = Array(tracked.values)
                return result
            }
            opened = try root.openDirectory(directory)
        } catch {
            report(failure: "", error.errno, into: &result)
            result.failed = tracked.keys.map { ($0.string, error.errno) }
            return result
        }
        opened.removeTree(
            where: { path, _ in !path.utf8.elementsEqual(LeaseFile.name.utf8) },
            didRemove: { path, status in
                CrashPoint.entryRemoved.cross()
                onRemoval()
                if status.kind == .directory { return }
                let isStray = tracked[ByteText(path)] == nil
                if isStray { result.strays += 1 }
                result.report.count(status)
                log(removed: path, status, isStray: isStray, number: result.report.filesCleaned)
            },
            didFail: { path, errno in
                errors.append((path, errno))
                report(failure: path, errno, into: &result)
            }
        )
        if errors.isEmpty, holdsNothing(opened) {
            result.goneNumbers = Array(tracked.values)
            return result
        }
        for (key, number) in tracked {
            let name = key.string
            do throws(FileSystemError) {
                if try opened.status(name) == nil {
                    result.goneNumbers.append(number)
                } else {
                    let cause = errors.first { (name + "/").startsWithBytes(of: $0.name + "/") }
                    result.failed.append((name, cause?.errno ?? EBUSY))
                    // It came back after the tree was emptied.
                    if cause == nil { report(failure: name, EBUSY, into: &result) }
                }
            } catch {
                // Whether it is gone is not known, so the job is not clean yet.
                result.failed.append((name, error.errno))
                report(failure: name, error.errno, into: &result)
            }
        }
        return result
    }

    /// Whether the directory is empty but for its lease file; false as well when it cannot be listed.
    private func holdsNothing(_ opened: RootedDirectory) -> Bool {
        var isEmpty = true
        do {
            try opened.forEachEntry { name in
                isEmpty = name.utf8.elementsEqual(LeaseFile.name.utf8)
                return isEmpty
            }
        } catch {
            return false
        }
        return isEmpty
    }

    /// Removes what is in the directory's place, if that is no directory. A link's own name goes, and what it points to
    /// is none of ours. Needs no lease: a directory is refused by the kernel.
    func removeStray() -> CleanupReport {
        var result = Result()
        do throws(FileSystemError) {
            guard let found = try root.status(directory), found.kind != .directory else { return result.report }
            if try root.removeFile(directory) {
                result.report.count(found)
                log(removed: "", found, isStray: true)
            }
        } catch {
            report(failure: "", error.errno, into: &result)
        }
        return result.report
    }

    /// Removes single files.
    func remove(_ names: [String], tracked: Set<ByteText>) -> Result {
        var result = Result()
        var place: RootedDirectory?
        for name in names {
            do throws(FileSystemError) {
                if place == nil { place = try open() }
                guard let opened = place, let found = try opened.status(name) else {
                    result.gone.append(name)
                    continue
                }
                if try opened.removeFile(name) {
                    result.report.count(found)
                    log(removed: name, found, isStray: !tracked.contains(ByteText(name)))
                }
                result.gone.append(name)
            } catch  where error.isNotFound {
                result.gone.append(name)
            } catch {
                result.failed.append((name, error.errno))
                report(failure: name, error.errno, into: &result)
            }
        }
        return result
    }

    /// Removes the lease file and the directory, which is empty but for it.
    func removeDirectory(into report: inout CleanupReport) {
        do throws(FileSystemError) {
            try root.removeFile(directory + "/" + LeaseFile.name)
            CrashPoint.leaseFileRemoved.cross()
            try root.removeDirectory(directory)
            CrashPoint.jobDirectoryRemoved.cross()
        } catch  where error.errno == ENOTEMPTY || error.errno == EEXIST {
            // Somebody has begun to work on the job again; the directory is theirs now.
            logger.debug("the job's directory is in use again", metadata: metadata.with(LogKey.filePath, directory))
        } catch {
            var result = Result()
            self.report(failure: "", error.errno, into: &result)
            report.add(result.report)
        }
    }

    private func open() throws(FileSystemError) -> RootedDirectory? {
        do throws(FileSystemError) { return try root.openDirectory(directory) } catch  where error.isNotFound {
            return nil
        }
    }

    private func absolute(_ name: String) -> String {
        root.path + "/" + directory + (name.isEmpty ? "" : "/" + name)
    }

    /// - Parameter number: of the removal in this clean-up. A job of very many files tells of the first ones, and of
    ///   all at the level debug.
    private func log(removed name: String, _ status: FileStatus, isStray: Bool, number: Int = 1) {
        logger.log(
            level: isStray ? .info : number <= Self.loggedRemovals ? level : .debug,
            isStray ? "cleanup: a stray file was removed" : "cleanup: temp file removed",
            metadata: metadata.with(LogKey.filePath, absolute(name)).with(LogKey.fileBytes, status.sizeBytes)
        )
    }

    private func report(failure name: String, _ errno: CInt, into result: inout Result) {
        let cause = FileSystemError(operation: "remove", path: absolute(name), errno: errno)
        result.report.failures.append(CleanupReport.Failure(path: absolute(name), errno: errno))
        logger.error(
            "cleanup: a temp file cannot be removed; it is tried again at the next sweep",
            metadata: metadata.with(LogKey.filePath, absolute(name)).with(LogKey.cause, cause)
        )
    }
}

extension CleanupReport {
    /// Counts a removed name.
    mutating func count(_ status: FileStatus) {
        filesCleaned += 1
        if status.kind == .file, status.linkCount <= 1 { bytesFreed = bytesFreed.addingClamped(status.allocatedBytes) }
    }
}
