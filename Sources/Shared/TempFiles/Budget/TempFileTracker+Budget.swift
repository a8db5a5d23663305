internal import Files
package import JobModel
internal import Ledger

/// The share of the disk that a job holds.
private struct Holding: Sendable {
    /// The number of its row.
    var job: Int64
    var usedBytes: Int64
    var grantedBytes: Int64

    init(_ books: Books, job: Int64) throws {
        self.job = job
        usedBytes = try books.occupiedBytes(job: job)
        grantedBytes = try books.reservedBytes(job: job)
    }

    /// Reserves the bytes on disk from now on, whatever was reserved before.
    init(settling books: Books, job: Int64) throws {
        try self.init(books, job: job)
        guard usedBytes > grantedBytes else { return }
        try books.setReservation(usedBytes, job: job)
        grantedBytes = usedBytes
    }
}

/// A wish for room, and what it is judged by that the ledger does not know.
private struct Demand: Sendable {
    /// All that the job wants to have reserved, what it has already included.
    var wantedBytes: Int64
    var budget: DiskBudget
    var space: FileSystemSpace
    var deletedOpenBytes: Int64

    /// Raises the job's reservation to what it wants if the budget allows it.
    func reserve(_ books: Books, job number: Int64) throws -> SpaceAnswer {
        let held = try books.reservations(job: number)
        let answer = budget.judge(
            DiskBudget.Demand(
                wantedBytes: wantedBytes,
                heldByJob: held.heldByJob,
                heldByOthers: held.heldByOthers.addingClamped(deletedOpenBytes),
                writtenBytes: held.writtenBytes.addingClamped(deletedOpenBytes),
                space: space
            )
        )
        if answer == .reserved, wantedBytes > held.heldByJob { try books.setReservation(wantedBytes, job: number) }
        return answer
    }
}

/// The answer to a plan of files.
package enum FilePlan: Sendable {
    /// The files are in the ledger; this much may be written to them.
    case planned([TrackedFile], SpaceAllowance)
    /// As ``SpaceAnswer/noRoom(_:)``. Nothing was planned.
    case noRoom(String)
    /// As ``SpaceAnswer/neverFits(_:)``. Nothing was planned.
    case neverFits(String)
}

extension TempFileTracker {
    /// Reserves disk for all temp files of a job. Asking again with more raises the reservation, with less changes
    /// nothing. It ends with the job.
    ///
    /// - Parameter bytes: of all the job's temp files together; rounded up to whole blocks.
    /// - Throws: ``TempFileError`` with code `jobFinished`.
    func reserve(_ bytes: Int64, job: JobKey, within budget: DiskBudget) async throws(TempFileError) -> SpaceAnswer {
        if budget.isUnlimited { return .reserved }
        let (demand, now) = (try demand(blockRounded(bytes), budget), nowMilliseconds)
        return try await ledger.write(outliving: .death) { books in
            try demand.reserve(books, job: books.ensureLiveJob(job, now: now).number)
        }
    }

    /// Plans files, as ``trackFiles(_:job:stage:)`` does, and what may be written to them.
    ///
    /// - Parameter bytes: to reserve first, as ``reserve(_:job:within:)`` does; nil leaves the reservation as it is.
    /// - Returns: what the run may write. The job's bytes on disk already count as reserved, even if they exceed the
    ///   budget: they are a fact.
    /// - Throws: ``TempFileError`` with code `invalidName`, `tooManyFiles` or `jobFinished`.
    package func planFiles(
        _ files: [NewFile],
        job: JobKey,
        stage: Stage,
        reserving bytes: Int64? = nil,
        within budget: DiskBudget
    ) async throws(TempFileError) -> FilePlan {
        // All of them travel in the job's messages, beside the source and what else the job has.
        let most = Self.maximumFiles
        guard files.count <= most else {
            throw TempFileError(
                code: .tooManyFiles,
                message: "the job would make \(files.count) files; at most \(most) can travel with a job. "
                    + "Make fewer outputs, as with a longer interval between thumbnails",
                isRetriable: false
            )
        }
        if budget.isUnlimited {
            return .planned(try await trackFiles(files, job: job, stage: stage), .unlimited(job))
        }
        var demand: Demand?
        if let bytes { demand = try self.demand(blockRounded(bytes), budget) }
        let (rows, wanted, now) = (try plannedRows(files, stage: stage), demand, nowMilliseconds)
        let (answer, holding) = try await ledger.write(outliving: .death) { books in
            let number = try books.ensureLiveJob(job, now: now).number
            let answer = try wanted?.reserve(books, job: number) ?? .reserved
            if answer == .reserved { for row in rows { try books.plan(row, job: number) } }
            return (answer, try Holding(settling: books, job: number))
        }
        switch answer {
        case .reserved:
            return .planned(try await makePlaces(files, job: job), allowance(job, holding, within: budget))
        case .noRoom(let why): return .noRoom(why)
        case .neverFits(let why): return .neverFits(why)
        }
    }

    /// Counts the writes of one run of a stage against the job's reservation. Call it once the run's files are planned.
    ///
    /// The job's bytes on disk already count as reserved, even if they exceed the budget: they are a fact.
    func allowance(_ job: JobKey, within budget: DiskBudget) async throws(TempFileError) -> SpaceAllowance {
        if budget.isUnlimited { return .unlimited(job) }
        let now = nowMilliseconds
        let holding = try await ledger.write(outliving: .death) { books in
            try Holding(settling: books, job: books.ensureLiveJob(job, now: now).number)
        }
        return allowance(job, holding, within: budget)
    }

    private func allowance(_ job: JobKey, _ holding: Holding, within budget: DiskBudget) -> SpaceAllowance {
        SpaceAllowance(
            job: job,
            usedBytes: holding.usedBytes,
            grantedBytes: holding.grantedBytes
        ) { [self] wanted throws(TempFileError) in
            let demand = try demand(wanted, budget)
            return try ledger.writeBlocking(outliving: .death) { try demand.reserve($0, job: holding.job) }
        }
    }

    /// Gives back what a job has reserved and its files do not take: after the stage that made the last of them.
    package func trimReservation(_ job: JobKey) async throws(TempFileError) {
        try await ledger.write(outliving: .death, for: .cleaning) { books in
            if let row = try books.head(job) { try books.trimReservation(job: row.number) }
        }
    }

    /// Whether a job that waits for room, with a part of its work done, keeps what it has. The one that holds most of
    /// all that wait does, so that they do not wait for each other for ever. It gives back what it has reserved and not
    /// written.
    package func keepsFilesWhileWaiting(_ job: JobKey) async throws(TempFileError) -> Bool {
        try await ledger.write(outliving: .death) { books in
            guard let row = try books.head(job) else { return false }
            try books.trimReservation(job: row.number)
            return try !books.isOutdoneByWaitingJob(row.number)
        }
    }

    /// Bytes of temp files that are deleted, and still open in this process, its siblings or its children. They are on
    /// disk until the last of these closes them.
    package func deletedOpenBytes() -> Int64 {
        DeletedOpenFiles.beneath(workspace.path + "/" + Workspace.jobsDirectory).sizeBytes
    }

    private func demand(_ wantedBytes: Int64, _ budget: DiskBudget) throws(TempFileError) -> Demand {
        // For a limit of our own alone: what the file system has free tells of deleted files by itself. Looking for
        // them costs more than all else that a reservation does.
        let deleted = budget.maximumBytes == nil ? 0 : deletedOpenBytes()
        return Demand(wantedBytes: wantedBytes, budget: budget, space: try space(), deletedOpenBytes: deleted)
    }

    /// Bytes that are promised to jobs, written ones included.
    package func reservedBytes() async throws(TempFileError) -> Int64 {
        try await ledger.read { try $0.reservedBytes() }
    }
}
