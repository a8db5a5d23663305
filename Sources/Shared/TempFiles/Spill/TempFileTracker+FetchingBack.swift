internal import CrashPoints
package import JobModel
internal import Ledger
internal import Logging
internal import Threads

/// The result of fetching files back.
package struct FetchReport: Sendable, Hashable {
    /// Files that are on the disk again.
    package var files = 0
    package var sizeBytes: Int64 = 0
    /// Files whose objects are gone or are not the files. They are off the ledger, and so count as missing.
    package var lost = 0

    package init() {}
}

/// The files that a stage needs of a job, and the room for them.
package struct FetchWish: Sendable {
    /// Absolute paths, or names.
    package var paths: [ByteText]
    /// Whether the stage makes files as well, for which the job reserves again what it held before it spilled.
    package var makesFiles: Bool
    package var budget: DiskBudget

    package init(paths: [ByteText], makesFiles: Bool, budget: DiskBudget) {
        self.paths = paths
        self.makesFiles = makesFiles
        self.budget = budget
    }
}

/// Spilled files come back before a stage works on them.
///
/// The order of durable steps: the room is reserved, the file is written under its name and is on the device, the
/// ledger says so. Up to then the object counts, and a file that is there is written anew; from then on the object is
/// to be deleted.
extension TempFileTracker {
    /// Fetches the spilled files back that a stage needs. Called under the job's lease before the stage reads them.
    ///
    /// - Parameters:
    ///   - didReserve: called once there is room.
    ///   - onActivity: called as files grow.
    /// - Throws: ``TempFileError``, with code `noSpace` when there is no room, nothing having been fetched then;
    ///   ``SpillError`` when the store does not give the files; `CancellationError`.
    package func fetchSpilledFiles(
        _ job: JobKey,
        _ wish: FetchWish,
        from store: any SpillStore,
        didReserve: @Sendable () async -> Void = {},
        onActivity: @escaping @Sendable () -> Void = {}
    ) async throws -> FetchReport {
        var report = FetchReport()
        let (number, all) = try await ledger.read { books -> (Int64, [SpilledFile]) in
            guard let number = try books.head(job)?.number else { return (0, []) }
            return (number, try books.spilledFiles(job: number))
        }
        if all.isEmpty { return report }
        try requireLease(job)
        let waiting = WaitingJob(number: number, key: job)
        let names = Set(wish.paths.compactMap { trackableName($0.string, job: job).map { ByteText($0) } })
        var wanted: [SpilledFile] = []
        for file in all {
            if try await isStillHere(file, waiting) { continue }
            if names.contains(ByteText(file.row.name)) { wanted.append(file) }
        }
        if wanted.isEmpty { return report }
        try await makeRoom(for: wanted, waiting, wish)
        CrashPoint.fetchReserved.cross()
        await didReserve()
        let allowance = try await allowance(job, within: wish.budget)
        for file in wanted {
            try Task.checkCancellation()
            do {
                try await fetch(file, waiting, store, allowance, onActivity)
                report.files += 1
                report.sizeBytes = report.sizeBytes.addingClamped(file.object.sizeBytes)
            } catch let error as SpillError where error.verdict == .lost {
                try await lose(file, waiting, error)
                report.lost += 1
            } catch {
                // Others can use the room meanwhile.
                try? await trimReservation(job)
                if error is SpillError {
                    try? await ledger.write(outliving: .death, for: .cleaning) { try $0.countSpillFailure(job.kind) }
                }
                throw error
            }
        }
        return report
    }

    /// Settles a file whose spilling was cut off, and which is therefore on the disk, and one that a fetch has brought
    /// whose process died before it could say so.
    private func isStillHere(_ file: SpilledFile, _ job: WaitingJob) async throws(TempFileError) -> Bool {
        let local = LocalCopy(workspace, job.key, file.row.name)
        if file.object.state == .spilled {
            let (size, digest) = (file.object.sizeBytes, file.object.sha256)
            let found = try await OwnThread.run { () throws(TempFileError) in try local.sizeBytes() }
            guard found == size else { return false }
            let read = try await cancellable { isCancelled throws(TempFileError) in
                try local.digest(sizeBytes: size, isCancelled: isCancelled)
            }
            guard read == digest else { return false }
            try await OwnThread.run { () throws(TempFileError) in try local.synchronizeName() }
        }
        let (name, size) = (file.row.name, file.object.sizeBytes)
        try await ledger.write { books in
            try books.keepFile(name, sizeBytes: size, isFetched: false, job: job.number)
        }
        return true
    }

    /// Reserves what the job needs: all of it, or nothing.
    private func makeRoom(
        for files: [SpilledFile],
        _ job: WaitingJob,
        _ wish: FetchWish
    ) async throws(TempFileError) {
        let (occupied, held) = try await ledger.read { books in
            (try books.occupiedBytes(job: job.number), try books.spillReservation(job: job.number))
        }
        // A compressed file is restored beside itself.
        let least = files.reduce(occupied) { sum, file in
            sum.addingClamped(blockRounded(file.object.sizeBytes)).addingClamped(blockRounded(file.row.plainBytes ?? 0))
        }
        var answer = try await reserve(
            wish.makesFiles ? max(least, held) : least,
            job: job.key,
            within: wish.budget
        )
        if case .neverFits = answer { answer = try await reserve(least, job: job.key, within: wish.budget) }
        let (why, isRetriable): (String, Bool)
        switch answer {
        case .reserved: return
        case .noRoom(let reason): (why, isRetriable) = (reason, true)
        case .neverFits(let reason): (why, isRetriable) = (reason + "; raise the limit", false)
        }
        throw TempFileError(
            code: .noSpace,
            message: "there is no room to fetch the spilled files of the job \(job.key) back: \(why)",
            isRetriable: isRetriable
        )
    }

    private func fetch(
        _ file: SpilledFile,
        _ job: WaitingJob,
        _ store: any SpillStore,
        _ allowance: SpaceAllowance,
        _ onActivity: @escaping @Sendable () -> Void
    ) async throws {
        let (name, object) = (file.row.name, file.object)
        let local = LocalCopy(workspace, job.key, name)
        let target = try await OwnThread.run { () throws(TempFileError) -> FetchedFile? in
            FetchedFile(try local.create(), limit: object.sizeBytes) { size in
                onActivity()
                try allowance.grow(name, to: size)
            }
        }
        guard let target else { throw SpillError(.permanent, "libcrypto has no SHA-256") }
        do {
            try await store.fetch(object.key, sizeBytes: object.sizeBytes, from: object.store) { piece in
                try target.write(piece)
            }
            try await OwnThread.run { try target.finish(sha256: object.sha256) }
        } catch {
            // A part of a file would only take space until the next try.
            try? await OwnThread.run { () throws(TempFileError) in try local.remove() }
            throw error
        }
        try await OwnThread.run { () throws(TempFileError) in try local.synchronizeName() }
        CrashPoint.fetchedFileSynced.cross()
        try await ledger.write { books in
            try books.keepFile(name, sizeBytes: object.sizeBytes, isFetched: true, job: job.number)
        }
        CrashPoint.fetchRecorded.cross()
        log("temp file fetched back", metadata(name, job.key).with(LogKey.fileBytes, object.sizeBytes))
    }

    /// A file that cannot be had any more is off the ledger, as if it had been removed: the stage that needs it sends
    /// the job back to download.
    private func lose(_ file: SpilledFile, _ job: WaitingJob, _ error: SpillError) async throws(TempFileError) {
        logger.error(
            "a spilled temp file is lost; the job has to fetch it again from its source",
            metadata: metadata(file.row.name, job.key).with(LogKey.cause, error.message)
                .with("object.location", file.object.location)
        )
        let name = file.row.name
        try await ledger.write(for: .cleaning) { books in
            try books.countSpillFailure(job.key.kind)
            try books.drop(name, job: job.number)
        }
    }
}
