internal import CrashPoints
package import JobModel
internal import Ledger
internal import Logging
internal import Threads

extension TempFileTracker {
    /// Gives the compressed files of a job their content back. Called under the job's lease before a stage reads them.
    /// A file that cannot be restored is left for the stage to find in a wrong size.
    ///
    /// - Parameter onActivity: called as files grow.
    /// - Returns: how many files were compressed.
    /// - Throws: ``TempFileError``, with code `noSpace` when there is no room.
    @discardableResult
    package func restoreFiles(
        _ job: JobKey,
        within budget: DiskBudget,
        onActivity: @escaping @Sendable () -> Void = {}
    ) async throws(TempFileError) -> Int {
        let (number, files) = try await ledger.read { books -> (Int64, [(row: FileRow, file: CompressedFile)]) in
            guard let number = try books.head(job)?.number else { return (0, []) }
            return (number, try books.compressedFiles(job: number))
        }
        if files.isEmpty { return 0 }
        try requireLease(job)
        for (row, file) in files {
            if Task.isCancelled {
                throw TempFileError(code: .cancelled, message: "restoring files was cancelled", isRetriable: true)
            }
            try await restore(file, row, WaitingJob(number: number, key: job), budget, onActivity)
        }
        return files.count
    }

    private func restore(
        _ file: CompressedFile,
        _ row: FileRow,
        _ job: WaitingJob,
        _ budget: DiskBudget,
        _ onActivity: @escaping @Sendable () -> Void
    ) async throws(TempFileError) {
        let (name, temporary, workspace) = (file.name, FileCompressor.temporaryName(file.name), workspace)
        let plan = replacement(temporary, of: row)
        try await ledger.write { try $0.plan(plan, job: job.number) }
        CrashPoint.restorePlanned.cross()
        let allowance = try await allowance(job.key, within: budget)
        let result: FileCompressor.Restoration
        do throws(TempFileError) {
            result = try await cancellable { isCancelled throws(TempFileError) in
                let compressor = try FileCompressor(workspace, job.key, isCancelled: isCancelled)
                return try compressor.restore(file) { size in
                    onActivity()
                    try allowance.grow(temporary, to: size)
                }
            }
        } catch {
            try await removeTemporary(of: name, job)
            try await ledger.write(for: .cleaning) { try $0.drop(temporary, job: job.number) }
            throw error
        }
        var size = file.plainBytes
        if case .damaged(let cause) = result {
            logger.error(
                "a compressed temp file cannot be restored; the job has to fetch it again",
                metadata: metadata(name, job.key).with(LogKey.cause, cause)
            )
            size = row.sizeBytes
        }
        if result != .restored { try await removeTemporary(of: name, job) }
        let restored = size
        try await ledger.write { books in
            try books.endRestore(name, sizeBytes: restored, temporary: temporary, job: job.number)
        }
        CrashPoint.restoreRecorded.cross()
        if result == .restored {
            log("temp file restored", metadata(name, job.key).with(LogKey.fileBytes, size))
        }
    }

    // MARK: - With compressing in common

    func removeTemporary(of name: String, _ job: WaitingJob) async throws(TempFileError) {
        let workspace = workspace
        try await OwnThread.run { () throws(TempFileError) in
            try FileCompressor(workspace, job.key).removeTemporary(of: name)
        }
    }

    func replacement(_ name: String, of row: FileRow) -> FileRow {
        FileRow(
            name: name,
            state: .planned,
            type: .intermediate,
            stage: row.stage,
            description: "takes the place of \(row.name)",
            sizeBytes: 0,
            createdAt: nowMilliseconds
        )
    }

    func metadata(_ name: String, _ job: JobKey) -> Logger.Metadata {
        Logger.Metadata(job: job).with(LogKey.filePath, workspace.absolutePath(of: name, job: job))
    }

    func cancellable<T: Sendable>(
        politely: Bool = false,
        _ body: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws(TempFileError) -> T
    ) async throws(TempFileError) -> T {
        let flag = CancellationFlag()
        return try await OwnThread.run(
            politely: politely,
            { () throws(TempFileError) in try body { flag.isCancelled } },
            onCancel: { flag.cancel() }
        )
    }
}
