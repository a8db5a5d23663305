internal import CrashPoints
internal import Files
internal import Glibc
package import JobModel
internal import Ledger
internal import Logging
internal import Threads

/// Written files are made to last.
extension TempFileTracker {
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
}
