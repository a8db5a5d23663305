public import JobModel
internal import RootedFiles

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
        return try await ledger.write { db in
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
        let (number, used, granted) = try await ledger.write { db in
            let number = try Ledger.ensureLiveJob(db, job, now: now).number
            let used = try Ledger.occupiedBytes(db, job: number)
            let granted = try Ledger.reservedBytes(db, job: number)
            if used > granted { try Ledger.setReservation(db, used, job: number) }
            return (number, used, max(used, granted))
        }
        return SpaceAllowance(job: job, usedBytes: used, grantedBytes: granted) { [self] wanted throws(TempFileError) in
            let (space, deleted) = (try space(), deletedOpenBytes(budget))
            return try ledger.writeBlocking { db in
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
        try await ledger.write { db in
            guard let row = try Ledger.job(db, job) else { return }
            try Ledger.trimReservation(db, job: row.number)
        }
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
