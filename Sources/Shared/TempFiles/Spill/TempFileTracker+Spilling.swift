internal import CrashPoints
package import JobModel
internal import Ledger
internal import Logging
internal import Synchronization
internal import Threads

/// Files of jobs that wait are moved to an object store, and fetched back before a stage works on them.
///
/// The order of durable steps: the row of the object (`planned`), the object, the row says `spilled`, the file goes,
/// its space is given back. Up to `spilled` the file counts, from then on the object. So whoever dies in between leaves
/// one of the two, and the ledger knows which.
extension TempFileTracker {
    private static let jobsAtOnce = 64

    /// Spills files of the jobs that wait and that nobody works on, some jobs at a time, until all are done or the task
    /// is cancelled.
    ///
    /// - Parameters:
    ///   - isWanted: asked before each job whether more is to be spilled.
    ///   - endCancelled: called for a job that is to be cancelled, and could not be while its lease was held here.
    package func spillWaitingFiles(
        _ rules: SpillRules,
        to store: any SpillStore,
        while isWanted: @escaping @Sendable () async -> Bool = { true },
        endCancelled: @escaping @Sendable (JobKey) async -> Void = { _ in }
    ) async throws(TempFileError) -> SpillReport {
        let wait = Int64(exactly: (rules.minimumWait / .milliseconds(1)).rounded()) ?? .max
        let moment = nowMilliseconds.addingClamped(-wait)
        let folder = SpillKey.folder(node: rules.node, installation: try await ledger.read { try $0.installation() })
        let round = SpillRound(rules: rules, store: store, moment: moment, folder: folder)
        var report = SpillReport()
        var (next, jobs) = (Int64.max, 0)
        while !Task.isCancelled, report.storeProblem == nil, jobs < rules.maximumJobs ?? .max, await isWanted() {
            let before = next
            let found = try await ledger.read { books in
                try books.jobsToSpill(
                    waitingSince: moment,
                    minimumBytes: rules.minimumFileBytes,
                    before: before,
                    limit: min(Self.jobsAtOnce, rules.maximumJobs ?? .max)
                )
            }
            guard let last = found.last else { break }
            next = last.number
            jobs += found.count
            report.add(await spill(found, round, while: isWanted, endCancelled: endCancelled))
        }
        return report
    }

    private func spill(
        _ jobs: [WaitingJob],
        _ round: SpillRound,
        while isWanted: @escaping @Sendable () async -> Bool,
        endCancelled: @escaping @Sendable (JobKey) async -> Void
    ) async -> SpillReport {
        await withTaskGroup(of: SpillReport.self, returning: SpillReport.self) { group in
            var rest = jobs.makeIterator()
            var report = SpillReport()
            func startNext() async {
                guard !Task.isCancelled, report.storeProblem == nil, await isWanted(), let job = rest.next() else {
                    return
                }
                group.addTask { [self] in await spillSafely(job, round, endCancelled: endCancelled) }
            }
            for _ in 0..<round.rules.width { await startNext() }
            while let done = await group.next() {
                report.add(done)
                await startNext()
            }
            return report
        }
    }

    private func spillSafely(
        _ job: WaitingJob,
        _ round: SpillRound,
        endCancelled: @Sendable (JobKey) async -> Void
    ) async -> SpillReport {
        var report = SpillReport()
        do {
            try await spill(job, round, &report)
        } catch {
            report.failures += 1
            logger.warning(
                "the temp files of a waiting job were not spilled",
                metadata: Logger.Metadata(job: job.key).with(LogKey.cause, "\(error)")
            )
        }
        // The wish could not be seen to while the lease was held here.
        if (try? await isCancelRequested(job.key)) == true { await endCancelled(job.key) }
        return report
    }

    private func spill(_ job: WaitingJob, _ round: SpillRound, _ report: inout SpillReport) async throws {
        guard case .acquired(let lease) = try await acquireLease(job.key, timeout: .zero) else { return }
        defer { lease.releaseRemovingEmptyDirectory() }
        // The job may have gone on since it was found.
        let files = try await ledger.read { books in
            try books.filesToSpill(
                job: job.number,
                waitingSince: round.moment,
                minimumBytes: round.rules.minimumFileBytes
            )
        }
        for file in files where !Task.isCancelled {
            if try await isCancelRequested(job.key) { return }
            do {
                guard try await spill(file, job, round) else { continue }
                report.files += 1
                report.sizeBytes = report.sizeBytes.addingClamped(file.sizeBytes)
            } catch let error as SpillError {
                if error.verdict != .lost { report.storeProblem = error.message }
                throw error
            }
        }
    }

    /// - Returns: false when the file stays as it is.
    private func spill(_ file: FileRow, _ job: WaitingJob, _ round: SpillRound) async throws -> Bool {
        let (name, local) = (file.name, LocalCopy(workspace, job.key, file.name))
        let digest = try await cancellable(politely: true) { isCancelled throws(TempFileError) in
            try local.digest(sizeBytes: file.sizeBytes, isCancelled: isCancelled)
        }
        guard let digest else {
            logger.debug("a file is not what the ledger says, and is not spilled", metadata: metadata(name, job.key))
            return false
        }
        let now = nowMilliseconds
        let key = SpillKey(folder: round.folder, job: job.key, file: name, nowSeconds: now / 1000)
        let object = SpilledObject(
            job: job.key,
            store: round.rules.store,
            key: key.text,
            sizeBytes: file.sizeBytes,
            sha256: digest
        )
        try await ledger.write { try $0.planSpill(object, of: name, job: job.number, now: now) }
        CrashPoint.spillPlanned.cross()
        let path = workspace.absolutePath(of: name, job: job.key)
        // A wish to cancel ends it, as the end of this process does.
        let put = try await untilCancelRequested(job.key) { () async throws(TempFileError) -> Result<Void, any Error> in
            do {
                return .success(
                    try await round.store.put(
                        path,
                        sizeBytes: object.sizeBytes,
                        sha256: digest,
                        as: object.key,
                        in: object.store
                    )
                )
            } catch {
                return .failure(error)
            }
        }
        if case .failure(let error) = put {
            try await keep(file, job, countingFailure: !(error is CancellationError))
            if error is CancellationError { return false }
            throw error
        }
        CrashPoint.spilledObjectPut.cross()
        try await ledger.write(for: .cleaning) { try $0.setSpilled(name, job: job.number) }
        CrashPoint.spillRecorded.cross()
        try await removeSpilledFile(name, job)
        log(
            "temp file spilled",
            metadata(name, job.key).with(LogKey.fileBytes, file.sizeBytes).with("object.location", object.location)
        )
        return true
    }

    /// The file stays; what was put of it is to be deleted.
    private func keep(
        _ file: FileRow,
        _ job: WaitingJob,
        countingFailure: Bool
    ) async throws(TempFileError) {
        try await ledger.write(for: .cleaning) { books in
            try books.keepFile(file.name, sizeBytes: file.sizeBytes, isFetched: false, job: job.number)
            if countingFailure { try books.countSpillFailure(job.key.kind) }
        }
    }

    /// Takes a file off the disk whose object stands for it, and gives its space back.
    private func removeSpilledFile(_ name: String, _ job: WaitingJob) async throws(TempFileError) {
        let local = LocalCopy(workspace, job.key, name)
        try await OwnThread.run { () throws(TempFileError) in try local.remove() }
        CrashPoint.spilledFileRemoved.cross()
        try await ledger.write(for: .cleaning) { try $0.setAway(name, job: job.number) }
        CrashPoint.spilledSpaceGiven.cross()
    }

    // MARK: - What was cut off

    /// Finds out what became of files whose spilling was cut off, as by a crash.
    package func settleInterruptedSpills() async throws(TempFileError) {
        for job in try await ledger.read({ try $0.jobsWithInterruptedSpills() }) where !Task.isCancelled {
            do throws(TempFileError) {
                guard case .acquired(let lease) = try await acquireLease(job.key, timeout: .zero) else { continue }
                defer { lease.releaseRemovingEmptyDirectory() }
                // Whoever held the lease until now may have settled it.
                for file in try await ledger.read({ try $0.spilledFiles(job: job.number) }) where !file.isAway {
                    if file.object.state == .spilled {
                        try await removeSpilledFile(file.row.name, job)
                    } else {
                        try await keep(file.row, job, countingFailure: false)
                    }
                }
            } catch {
                logger.warning(
                    "what became of a temp file is not known yet",
                    metadata: Logger.Metadata(job: job.key).with(LogKey.cause, error)
                )
            }
        }
    }
}

/// What the spilling of many files has in common.
private struct SpillRound: Sendable {
    var rules: SpillRules
    var store: any SpillStore
    /// Jobs have waited since then, in milliseconds since 1970.
    var moment: Int64
    var folder: String
}
