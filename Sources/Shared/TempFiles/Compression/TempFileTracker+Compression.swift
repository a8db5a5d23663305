internal import CrashPoints
internal import Files
internal import FoundationEssentials
package import JobModel
internal import Ledger
internal import Logging
internal import Threads

/// Which temp files are compressed.
package struct CompressionRules: Sendable, Hashable {
    /// How long a job has waited for its next stage.
    package var minimumWait: Duration
    /// Smaller files are not worth it.
    package var minimumFileBytes: Int64
    package var budget: DiskBudget

    package init(minimumWait: Duration, minimumFileBytes: Int64 = 1 << 20, budget: DiskBudget) {
        self.minimumWait = minimumWait
        self.minimumFileBytes = max(minimumFileBytes, 1)
        self.budget = budget
    }
}

/// The result of compressing.
package struct CompressionReport: Sendable, Hashable {
    package var files = 0
    package var plainBytes: Int64 = 0
    package var storedBytes: Int64 = 0
    /// Jobs with which something went wrong. Their files are as they were.
    package var failures = 0
}

/// Files of jobs that wait are compressed in place, those that shrink by a fifth, and restored before a stage looks at
/// them.
///
/// Compressing frees the disk, not the budget: a job keeps what it has reserved, and the copy's space on top of it, so
/// that its files can always be restored. Were it given away, jobs that wait could fill the budget with no room for any
/// to go on.
extension TempFileTracker {
    private static let jobsAtOnce = 64

    /// Compresses files of the jobs that wait and that nobody works on, one after the other, until all are done or the
    /// task is cancelled.
    ///
    /// - Parameter endCancelled: called for a job that is to be cancelled, and could not be while its lease was held
    ///   here.
    package func compressWaitingFiles(
        _ rules: CompressionRules,
        endCancelled: @Sendable (JobKey) async -> Void = { _ in }
    ) async throws(TempFileError) -> CompressionReport {
        try await settleInterruptedCompressions()
        var report = CompressionReport()
        let (wait, minimum) = (rules.minimumWait / .milliseconds(1), rules.minimumFileBytes)
        let moment = nowMilliseconds.addingClamped(-(Int64(exactly: wait.rounded()) ?? .max))
        var next = Int64.max
        while !Task.isCancelled {
            let before = next
            let jobs = try await ledger.read { books in
                try books.jobsToCompress(
                    waitingSince: moment,
                    minimumBytes: minimum,
                    before: before,
                    limit: Self.jobsAtOnce
                )
            }
            guard let last = jobs.last else { break }
            next = last.number
            for job in jobs where !Task.isCancelled {
                do throws(TempFileError) {
                    try await compress(job, rules, waitingSince: moment, &report)
                    if try await isCancelRequested(job.key) { await endCancelled(job.key) }
                } catch {
                    report.failures += 1
                    let metadata = Logger.Metadata(job: job.key)
                    logger.warning(
                        "files of a waiting job were not compressed",
                        metadata: metadata.with(LogKey.cause, error)
                    )
                }
            }
        }
        return report
    }

    /// Finds out what became of files whose compression was cut off, as by a crash.
    private func settleInterruptedCompressions() async throws(TempFileError) {
        let interrupted = try await ledger.read { try $0.interruptedCompressions() }
        for (job, file) in interrupted {
            do throws(TempFileError) {
                try await settleInterrupted(file, job)
            } catch {
                logger.warning(
                    "what became of a temp file is not known yet",
                    metadata: metadata(file.name, job.key).with(LogKey.cause, error)
                )
            }
        }
    }

    private func settleInterrupted(_ file: CompressedFile, _ job: WaitingJob) async throws(TempFileError) {
        guard case .acquired(let lease) = try await acquireLease(job.key, timeout: .zero) else { return }
        defer { lease.releaseRemovingEmptyDirectory() }
        // Whoever held the lease until now may have settled it.
        let isKnown = try await ledger.read { try $0.compressedFiles(job: job.number) }
            .contains { $0.file.name.utf8.elementsEqual(file.name.utf8) && $0.file.token == file.token }
        if !isKnown { return }
        try await removeTemporary(of: file.name, job)
        let (name, temporary, workspace) = (file.name, FileCompressor.temporaryName(file.name), workspace)
        let stored = try await OwnThread.run { () throws(TempFileError) in
            try FileCompressor(workspace, job.key).compressedSize(file)
        }
        try await ledger.write(for: .cleaning) { books in
            if let stored {
                try books.endCompression(name, storedBytes: stored, temporary: temporary, job: job.number)
            } else {
                try books.abandonCompression(name, temporary: temporary, isFinal: false, job: job.number)
            }
        }
    }

    func isCancelRequested(_ job: JobKey) async throws(TempFileError) -> Bool {
        try await ledger.read { try $0.isCancelRequested(job) }
    }

    private static let cancellationInterval = Duration.milliseconds(500)

    /// Runs `body`, and cancels it when the job is to be cancelled.
    func untilCancelRequested<T: Sendable>(
        _ job: JobKey,
        _ body: @escaping @Sendable () async throws(TempFileError) -> T
    ) async throws(TempFileError) -> T {
        let result = await withTaskGroup(of: Result<T, TempFileError>?.self) { group in
            group.addTask {
                do throws(TempFileError) {
                    return .success(try await body())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask { [self] in
                // The wish is a row of the ledger, which tells nobody that it has changed. What cannot be read is no
                // wish.
                while (try? await isCancelRequested(job)) != true {
                    do { try await Task.sleep(for: Self.cancellationInterval) } catch { return nil }
                }
                return nil
            }
            var result: Result<T, TempFileError>?
            for await end in group {
                result = result ?? end
                group.cancelAll()
            }
            return result
        }
        guard let result else {
            throw TempFileError(code: .cancelled, message: "work on \(job) was cancelled", isRetriable: true)
        }
        return try result.get()
    }

    private func compress(
        _ job: WaitingJob,
        _ rules: CompressionRules,
        waitingSince moment: Int64,
        _ report: inout CompressionReport
    ) async throws(TempFileError) {
        guard case .acquired(let lease) = try await acquireLease(job.key, timeout: .zero) else { return }
        defer { lease.releaseRemovingEmptyDirectory() }
        let minimum = rules.minimumFileBytes
        // The job may have gone on since it was found.
        let (files, plainBytes) = try await ledger.read { books in
            try books.filesToCompress(job: job.number, waitingSince: moment, minimumBytes: minimum)
        }
        for file in files where !Task.isCancelled {
            if try await isCancelRequested(job.key) { return }
            // Room for the copy, and for the original beside it when it is restored.
            let limit = blockRounded(FileCompressor.limit(file.sizeBytes))
            guard try await reserve(plainBytes.addingClamped(limit), job: job.key, within: rules.budget) == .reserved,
                try availableBytes() > limit
            else {
                logger.debug("no room to compress a file", metadata: metadata(file.name, job.key))
                continue
            }
            guard let stored = try await compress(file, job) else { continue }
            report.files += 1
            report.plainBytes = report.plainBytes.addingClamped(file.sizeBytes)
            report.storedBytes = report.storedBytes.addingClamped(stored)
        }
    }

    /// - Returns: the size of the compressed file; nil when the file stays as it is.
    private func compress(_ row: FileRow, _ job: WaitingJob) async throws(TempFileError) -> Int64? {
        let workspace = workspace
        let (name, temporary) = (row.name, FileCompressor.temporaryName(row.name))
        let file = CompressedFile(name: name, plainBytes: row.sizeBytes, token: UUID().uuidString)
        guard (try? FileName.check(temporary)) != nil,
            try await cancellable(
                politely: true,
                { isCancelled throws(TempFileError) in
                    try FileCompressor(workspace, job.key, isCancelled: isCancelled)
                        .shrinks(name, sizeBytes: row.sizeBytes)
                }
            )
        else {
            try await ledger.write(for: .cleaning) { books in
                try books.abandonCompression(name, temporary: nil, isFinal: true, job: job.number)
            }
            return nil
        }
        let plan = replacement(temporary, of: row)
        try await ledger.write { try $0.beginCompression(file, temporary: plan, job: job.number) }
        CrashPoint.compressionPlanned.cross()
        var result = FileCompressor.Compression.changed
        do throws(TempFileError) {
            result = try await untilCancelRequested(job.key) { [self] () async throws(TempFileError) in
                try await cancellable(politely: true) { isCancelled throws(TempFileError) in
                    let compressor = try FileCompressor(workspace, job.key, isCancelled: isCancelled)
                    return try compressor.compress(file)
                }
            }
        } catch {
            // The rename may have happened and only its fsync failed: what the file is now, its first bytes tell.
            logger.warning(
                "a temp file could not be compressed",
                metadata: metadata(name, job.key).with(LogKey.cause, error)
            )
            try await removeTemporary(of: name, job)
            return nil
        }
        guard case .compressed(let stored) = result else {
            try await removeTemporary(of: name, job)
            let isFinal = result == .doesNotShrink
            try await ledger.write(for: .cleaning) { books in
                try books.abandonCompression(name, temporary: temporary, isFinal: isFinal, job: job.number)
            }
            return nil
        }
        try await ledger.write(for: .cleaning) { books in
            try books.endCompression(name, storedBytes: stored, temporary: temporary, job: job.number)
        }
        CrashPoint.compressionRecorded.cross()
        log(
            "temp file compressed",
            metadata(name, job.key).with(LogKey.fileBytes, row.sizeBytes).with("file.stored.bytes", stored)
        )
        return stored
    }
}
