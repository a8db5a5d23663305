package import JobModel
internal import Ledger

extension TempFileTracker {
    /// Records that files of the job were published, so that they need not be there any more. Planning a file anew, as
    /// when the job is run again, takes the record back.
    ///
    /// - Parameters:
    ///   - published: by the files' paths, absolute, or their names.
    ///   - store: that has the objects, as ``JobObject/store``: they are noted as put. nil for objects that are not to
    ///     be removed should the job fail.
    /// - Throws: ``TempFileError`` with code `foreignPath`, or `jobFinished`.
    package func notePublished(
        _ published: [ByteText: PublishedFile],
        job: JobKey,
        in store: ByteText? = nil
    ) async throws(TempFileError) {
        var named: [(name: String, file: PublishedFile)] = []
        for (path, file) in published { named.append((try self.file(path.string, job: job).name, file)) }
        let (rows, now) = (named, nowMilliseconds)
        try await ledger.write(for: .cleaning) { books in
            let number = try books.ensureLiveJob(job, now: now).number
            for (name, file) in rows {
                try books.notePublished(file, name: name, job: number)
                guard let store else { continue }
                let object = JobObject(
                    key: ByteText(file.key),
                    store: store,
                    state: .put,
                    name: name,
                    validator: file.validator
                )
                try books.notePut(object, job: number)
            }
        }
    }

    /// The records of ``notePublished(_:job:)``, by the files' absolute paths.
    package func published(_ job: JobKey) async throws(TempFileError) -> [ByteText: PublishedFile] {
        let workspace = workspace
        return try await ledger.read { books in
            guard let row = try books.head(job) else { return [:] }
            return try books.published(job, row.number, in: workspace)
        }
    }
}

extension Books {
    /// The files of a job that were published, by their absolute paths.
    func published(
        _ job: JobKey,
        _ number: Int64,
        in workspace: Workspace
    ) throws -> [ByteText: PublishedFile] {
        var files: [ByteText: PublishedFile] = [:]
        for (name, file) in try published(job: number) {
            files[ByteText(workspace.absolutePath(of: name, job: job))] = file
        }
        return files
    }
}
