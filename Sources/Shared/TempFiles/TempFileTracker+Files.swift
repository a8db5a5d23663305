internal import CrashPoints
package import Files
internal import Glibc
package import JobModel
internal import Ledger
internal import Logging
internal import Threads

extension TempFileTracker {
    /// Puts one file in the ledger, as ``trackFiles(_:job:stage:)`` does.
    package func trackFile(_ file: NewFile, job: JobKey, stage: Stage) async throws(TempFileError) -> TrackedFile {
        try await trackFiles([file], job: job, stage: stage)
        return TrackedFile(job: job, name: file.name, absolutePath: workspace.absolutePath(of: file.name, job: job))
    }

    /// Puts files in the ledger before they exist, in one transaction, and makes the subdirectories they need. The
    /// caller makes the files afterwards. A name that is in the ledger already starts over, as in a repeated run.
    ///
    /// - Throws: ``TempFileError`` with code `invalidName` for a name that leaves the job's directory or is reserved,
    ///   and `jobFinished`.
    @discardableResult
    package func trackFiles(
        _ files: [NewFile],
        job: JobKey,
        stage: Stage
    ) async throws(TempFileError) -> [TrackedFile] {
        let (rows, now) = (try plannedRows(files, stage: stage), nowMilliseconds)
        try await ledger.write(outliving: .death) { books in
            let number = try books.ensureLiveJob(job, now: now).number
            for row in rows { try books.plan(row, job: number) }
        }
        return try await makePlaces(files, job: job)
    }

    /// The rows of files that are to be planned.
    func plannedRows(_ files: [NewFile], stage: Stage) throws(TempFileError) -> [FileRow] {
        for file in files { try FileName.check(file.name) }
        let now = nowMilliseconds
        return files.map {
            FileRow(
                name: $0.name,
                state: .planned,
                type: $0.type,
                stage: stage.working,
                description: $0.description,
                sizeBytes: 0,
                createdAt: now
            )
        }
    }

    /// Makes the subdirectories of files whose rows are committed.
    func makePlaces(_ files: [NewFile], job: JobKey) async throws(TempFileError) -> [TrackedFile] {
        CrashPoint.fileRowsCommitted.cross()
        let parents = Self.parents(of: files)
        if !parents.isEmpty {
            try await OwnThread.run { [self] () throws(TempFileError) in try make(parents, job: job) }
        }
        return planned(files, job: job)
    }

    /// As ``makePlaces(_:job:)``, for a thread that may block.
    func makePlacesBlocking(_ files: [NewFile], job: JobKey) throws(TempFileError) -> [TrackedFile] {
        CrashPoint.fileRowsCommitted.cross()
        let parents = Self.parents(of: files)
        if !parents.isEmpty { try make(parents, job: job) }
        return planned(files, job: job)
    }

    /// The directories that lead to the files, outer ones first.
    private static func parents(of files: [NewFile]) -> [String] {
        Set(files.flatMap { FileName.parents(of: $0.name) }).sorted { $0.utf8.count < $1.utf8.count }
    }

    private func make(_ parents: [String], job: JobKey) throws(TempFileError) {
        try onFileSystem { () throws(FileSystemError) in
            let directory = try workspace.open(job)
            for parent in parents { try directory.makeDirectory(parent) }
        }
        CrashPoint.subdirectoriesMade.cross()
    }

    private func planned(_ files: [NewFile], job: JobKey) -> [TrackedFile] {
        let tracked = files.map {
            TrackedFile(job: job, name: $0.name, absolutePath: workspace.absolutePath(of: $0.name, job: job))
        }
        for file in tracked { log("temp file planned", metadata(file).with(LogKey.fileBytes, 0)) }
        return tracked
    }

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

    /// Records how large files are while they grow.
    package func recordSizes(_ sizes: [TrackedFile: Int64]) async throws(TempFileError) {
        let now = nowMilliseconds
        try await ledger.write(outliving: .death) { books in
            for (job, files) in Dictionary(grouping: sizes, by: \.key.job) {
                let number = try books.ensureJob(job, now: now).number
                for (file, size) in files { try books.setSize(job: number, name: file.name, sizeBytes: size) }
            }
        }
    }

    /// Makes written files last: bytes and names are on the device, and the ledger says so with the real sizes.
    ///
    /// - Parameters:
    ///   - isFirst: whether the jobs may have no files yet that last; false if an earlier commit has seen to it that
    ///     their
    ///     directories do.
    ///   - isLast: the jobs give back what they have reserved and their files do not take.
    /// - Returns: the manifest's entries of these files, in their order.
    /// - Throws: ``TempFileError`` with code `missingFile`, naming the file; `cancelled` when the task is before all
    ///   bytes are on the device.
    @discardableResult
    package func commitFiles(
        _ files: [TrackedFile],
        isFirst: Bool = true,
        isLast: Bool = false
    ) async throws(TempFileError) -> [TempFileEntry] {
        let workspace = workspace
        let sizes = try await cancellable { isCancelled throws(TempFileError) in
            try Self.synchronize(files, isFirst: isFirst, workspace: workspace, isCancelled)
        }
        CrashPoint.directorySynced.cross()
        let now = nowMilliseconds
        let rows = try await ledger.write { books in
            var rows: [TrackedFile: FileRow] = [:]
            for (job, indices) in Dictionary(grouping: files.indices, by: { files[$0].job }) {
                let number = try books.ensureLiveJob(job, now: now).number
                for index in indices {
                    let (name, size) = (files[index].name, sizes[index])
                    try books.setPresent(job: number, name: name, sizeBytes: size, now: now)
                }
                if isLast { try books.trimReservation(job: number) }
                let written = Dictionary(indices.map { (files[$0].name, files[$0]) }) { first, _ in first }
                for row in try books.files(job: number) {
                    if let file = written[row.name] { rows[file] = row }
                }
            }
            return rows
        }
        CrashPoint.fileRowsPresent.cross()
        for (file, size) in zip(files, sizes) {
            log("temp file written", metadata(file).with(LogKey.fileBytes, size))
        }
        return files.compactMap { file in rows[file]?.entry(path: file.absolutePath) }
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
            isKnown ? "temp file marked for cleanup" : "a file to be marked for cleanup is not on the books",
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

    /// Removes what lies in a planned file's place, as a run that books know nothing of may have left it.
    ///
    /// - Throws: ``TempFileError``.
    package func removeLeftover(_ file: TrackedFile) throws(TempFileError) {
        try onFileSystem { () throws(FileSystemError) in
            _ = try workspace.root.removeFile(workspace.directory(of: file.job) + "/" + file.name)
        }
    }

    /// Makes or empties a tracked file, mode 0600, for writing.
    package func openForWriting(_ file: TrackedFile) throws(TempFileError) -> OpenFile {
        try open(file, flags: O_RDWR | O_CREAT | O_TRUNC)
    }

    /// As ``openForWriting(_:)``, and keeps what is in the file.
    package func openForContinuing(_ file: TrackedFile) throws(TempFileError) -> OpenFile {
        try open(file, flags: O_RDWR | O_CREAT)
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

    /// Returns the files' sizes when they and their names are on the device.
    private static func synchronize(
        _ files: [TrackedFile],
        isFirst: Bool,
        workspace: Workspace,
        _ isCancelled: () -> Bool
    ) throws(TempFileError) -> [Int64] {
        var sizes: [Int64] = []
        var jobs: [JobKey: RootedDirectory] = [:]
        var parents: [JobKey: Set<ByteText>] = [:]
        // With the bytes of all on their way first, a journal takes note of all of them at once.
        if files.count > 1 {
            for file in files {
                guard let directory = jobs[file.job] ?? (try? workspace.open(file.job)) else { continue }
                jobs[file.job] = directory
                // An error of this is reported below.
                try? directory.openFile(file.name, flags: O_RDONLY | O_NONBLOCK).startWriting()
            }
        }
        for file in files {
            do {
                let directory = if let known = jobs[file.job] { known } else { try workspace.open(file.job) }
                jobs[file.job] = directory
                let opened = try directory.openFile(file.name, flags: O_RDONLY | O_NONBLOCK)
                let status = try opened.status()
                guard status.kind == .file else {
                    throw FileSystemError(operation: "fsync", path: file.name, errno: EINVAL)
                }
                try opened.synchronize { if isCancelled() { throw CancellationError() } }
                CrashPoint.fileSynced.cross()
                sizes.append(status.sizeBytes)
                parents[file.job, default: []].formUnion(FileName.parents(of: file.name).map { ByteText($0) })
            } catch is CancellationError {
                throw TempFileError(
                    code: .cancelled,
                    message: "writing the files of the job \(file.job) to the device was cancelled",
                    isRetriable: true
                )
            } catch let error as FileSystemError where error.isNotFound {
                throw TempFileError(
                    code: .missingFile,
                    message: "the temp file \(file.absolutePath) of the job \(file.job) is not there",
                    isRetriable: true,
                    errno: error.errno
                )
            } catch let error as FileSystemError {
                throw TempFileError(error)
            } catch {
                throw TempFileError(code: .fileSystem, message: "\(file.absolutePath): \(error)", isRetriable: true)
            }
        }
        try onFileSystem { () throws(FileSystemError) in
            for (job, directory) in jobs {
                for parent in parents[job] ?? [] { try directory.openDirectory(parent.string).synchronize() }
                try directory.synchronize()
            }
            guard isFirst else { return }
            for kind in Set(jobs.keys.map(\.kind)) {
                try workspace.root.openDirectory(Workspace.jobsDirectory + "/" + kind.rawValue).synchronize()
            }
        }
        return sizes
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
