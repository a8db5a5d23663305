package import Files
internal import Glibc
package import JobModel
internal import Ledger
internal import Logging

extension TempFileTracker {
    /// A file of the job by its absolute path or its name, for reading or recording. Says nothing of whether it exists.
    ///
    /// - Throws: ``TempFileError`` with code `foreignPath`.
    package func file(_ path: String, job: JobKey) throws(TempFileError) -> TrackedFile {
        guard let name = trackableName(path, job: job) else {
            throw TempFileError(
                code: .foreignPath,
                message: "`\(path.clipped(toBytes: 300).shown)` is not in the directory of the job \(job); "
                    + "it is left alone",
                isRetriable: false
            )
        }
        return TrackedFile(job: job, name: name, absolutePath: workspace.absolutePath(of: name, job: job))
    }

    /// The manifest: every file of the job that exists or may exist.
    package func jobTempFiles(_ job: JobKey) async throws(TempFileError) -> [TempFileEntry] {
        let rows = try await ledger.read { books in
            guard let row = try books.head(job) else { return [FileRow]() }
            return try books.files(job: row.number)
        }
        return workspace.entries(rows, of: job)
    }

    /// Records that a file is no longer needed. It is removed when the job is cleaned up. A file that is out of the
    /// ledger already is fine: the run that took it off may be repeated.
    ///
    /// - Parameter path: absolute, or the file's name.
    /// - Throws: ``TempFileError`` with code `foreignPath`.
    package func markFileForCleanup(_ path: String, job: JobKey) async throws(TempFileError) {
        let file = try file(path, job: job)
        let isKnown = try await ledger.write(outliving: .death, for: .cleaning) { books in
            guard let row = try books.head(job) else { return false }
            return try books.mark(job: row.number, name: file.name)
        }
        log(
            isKnown ? "temp file marked for cleanup" : "a file to be marked for cleanup is not in the ledger",
            metadata(file)
        )
    }

    /// Looks at a file that a stage is about to rely on. Blocks for the time of a look-up.
    package func verify(path: String, job: JobKey, expectedBytes: Int64?) async -> FileCheck {
        guard let name = trackableName(path, job: job) else { return .foreign }
        do throws(FileSystemError) {
            let place = workspace.directory(of: job) + "/" + name
            guard let found = try workspace.root.status(place) else { return .missing }
            if found.kind != .file { return .foreign }
            if let expectedBytes, expectedBytes != found.sizeBytes { return .wrongSize(foundBytes: found.sizeBytes) }
            return .ok(sizeBytes: found.sizeBytes)
        } catch  where error.isOutsideRoot {
            return .foreign
        } catch {
            if error.isNotFound { return .missing }
            logger.warning(
                "a temp file cannot be looked at",
                metadata: Logger.Metadata(job: job).with(LogKey.filePath, path).with(LogKey.cause, error)
            )
            return .unknown(cause: "\(error)")
        }
    }

    /// Removes what lies in a planned file's place, as a run that the ledger has lost may have left it.
    ///
    /// - Throws: ``TempFileError``.
    package func removeLeftover(_ file: TrackedFile) throws(TempFileError) {
        try onFileSystem { () throws(FileSystemError) in
            _ = try workspace.root.removeFile(workspace.directory(of: file.job) + "/" + file.name)
        }
    }

    /// As ``openForContinuing(_:)``, and empties the file.
    package func openForWriting(_ file: TrackedFile) throws(TempFileError) -> OpenFile {
        let opened = try openForContinuing(file)
        try onFileSystem { () throws(FileSystemError) in try opened.truncate(to: 0) }
        return opened
    }

    /// Makes or opens a tracked file, mode 0600, for writing, and keeps what is in it. A file in its place that has
    /// other names is left to them: somebody else's bytes may be in it.
    package func openForContinuing(_ file: TrackedFile) throws(TempFileError) -> OpenFile {
        let opened = try open(file, flags: O_RDWR | O_CREAT)
        let names = try onFileSystem { () throws(FileSystemError) in try opened.status().linkCount }
        if names == 1 { return opened }
        try removeLeftover(file)
        return try open(file, flags: O_RDWR | O_CREAT | O_EXCL)
    }

    package func openForReading(_ file: TrackedFile) throws(TempFileError) -> OpenFile {
        try open(file, flags: O_RDONLY)
    }

    private func open(_ file: TrackedFile, flags: CInt) throws(TempFileError) -> OpenFile {
        do throws(FileSystemError) {
            // O_NONBLOCK: a pipe in the file's place must not hold the caller; regular files ignore it.
            let opened = try workspace.open(file.job).openFile(file.name, flags: flags | O_NONBLOCK)
            if try opened.status().kind == .file { return opened }
        } catch {
            throw TempFileError(error)
        }
        throw TempFileError(
            code: .fileSystem,
            message: "\(file.absolutePath) is not a regular file; clean the job up and run it again",
            isRetriable: false
        )
    }

    /// The name of a job's file by its absolute path or its name; nil for what cannot be a tracked file of this job.
    func trackableName(_ path: String, job: JobKey) -> String? {
        let name = path.utf8.first == UInt8(ascii: "/") ? workspace.relativePath(ofJobFile: path, job: job) : path
        guard let name, (try? FileName.check(name)) != nil else { return nil }
        return name
    }

    /// Logs an action on a single file.
    func log(_ message: Logger.Message, _ metadata: Logger.Metadata) {
        logger.log(level: fileLevel, message, metadata: metadata)
    }

    func metadata(_ file: TrackedFile) -> Logger.Metadata {
        Logger.Metadata(job: file.job).with(LogKey.filePath, file.absolutePath)
    }
}
