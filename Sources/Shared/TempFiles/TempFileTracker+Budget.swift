internal import GRDB
public import JobModel
internal import RootedFiles

/// What a job has of the disk.
private struct Holding: Sendable {
    /// The number of its row.
    var job: Int64
    var usedBytes: Int64
    var grantedBytes: Int64

    init(_ db: Database, job: Int64) throws {
        self.job = job
        usedBytes = try Ledger.occupiedBytes(db, job: job)
        grantedBytes = try Ledger.reservedBytes(db, job: job)
    }
}

extension TempFileTracker {
    /// Reserves disk for all temp files of a job before the first is written. Asking again with more raises the
    /// reservation, with less changes nothing. It ends with the job.
    ///
    /// - Parameter bytes: of all the job's temp files together; rounded up to whole blocks.
    /// - Throws: ``TempFileError`` with code `jobFinished`.
    public func reserve(
        _ bytes: Int64,
        job: JobKey,
        within budget: DiskBudget
    ) async throws(TempFileError) -> SpaceAnswer {
        if budget.isUnlimited { return .reserved }
        let (wanted, space, now) = (blockRounded(bytes), try space(), nowMilliseconds)
        let deleted = deletedOpenBytes(budget)
        return try await ledger.write(outliving: .death) { db in
            let number = try Ledger.ensureLiveJob(db, job, now: now).number
            return try Ledger.reserve(
                db,
                wanted,
                job: number,
                budget: budget,
                space: space,
                deletedOpenBytes: deleted
            )
        }
    }

    /// Counts the writes of one run of a stage against the job's reservation. Call it once the run's files are planned.
    ///
    /// What the job has on disk already counts as reserved, even if that is more than the budget: it is a fact.
    public func allowance(_ job: JobKey, within budget: DiskBudget) async throws(TempFileError) -> SpaceAllowance {
        if budget.isUnlimited { return SpaceAllowance(job: job, usedBytes: 0, grantedBytes: .max) { _ in .reserved } }
        let now = nowMilliseconds
        let known = try await ledger.read { db -> Holding? in
            guard let row = try Ledger.head(db, job), row.end == nil else { return nil }
            return try Holding(db, job: row.number)
        }
        let holding: Holding
        if let known, known.usedBytes <= known.grantedBytes {
            holding = known
        } else {
            holding = try await ledger.write(outliving: .death) { db in
                var holding = try Holding(db, job: Ledger.ensureLiveJob(db, job, now: now).number)
                if holding.usedBytes > holding.grantedBytes {
                    try Ledger.setReservation(db, holding.usedBytes, job: holding.job)
                    holding.grantedBytes = holding.usedBytes
                }
                return holding
            }
        }
        let number = holding.job
        return SpaceAllowance(
            job: job,
            usedBytes: holding.usedBytes,
            grantedBytes: holding.grantedBytes
        ) { [self] wanted throws(TempFileError) in
            let (space, deleted) = (try space(), deletedOpenBytes(budget))
            return try ledger.writeBlocking(outliving: .death) { db in
                try Ledger.reserve(
                    db,
                    wanted,
                    job: number,
                    budget: budget,
                    space: space,
                    deletedOpenBytes: deleted
                )
            }
        }
    }

    /// Gives back what a job has reserved and its files do not take: after the stage that made the last of them.
    public func trimReservation(_ job: JobKey) async throws(TempFileError) {
        let number = try await ledger.read { db -> Int64? in
            guard let row = try Ledger.head(db, job) else { return nil }
            let holding = try Holding(db, job: row.number)
            return holding.grantedBytes > holding.usedBytes ? row.number : nil
        }
        guard let number else { return }
        try await ledger.write(outliving: .death) { try Ledger.trimReservation($0, job: number) }
    }

    /// Bytes of temp files that are deleted, and still open in this process, its siblings or its children. They are on disk
    /// until the last of these closes them.
    public func deletedOpenBytes() -> Int64 {
        DeletedOpenFiles.beneath(workspace.path + "/" + Workspace.jobsDirectory).sizeBytes
    }

    /// Only for a limit of our own: what the file system has free tells of them by itself. Looking costs more than all else
    /// that a reservation does.
    private func deletedOpenBytes(_ budget: DiskBudget) -> Int64 {
        budget.maximumBytes == nil ? 0 : deletedOpenBytes()
    }

    /// Bytes that are promised to jobs, written ones included.
    public func reservedBytes() async throws(TempFileError) -> Int64 {
        try await ledger.read { try Ledger.reservedBytes($0) }
    }
}
