internal import CrashPoints
internal import Files
package import JobModel
internal import Ledger
internal import Logging
internal import Threads

/// Files get their rows before they exist.
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
}
