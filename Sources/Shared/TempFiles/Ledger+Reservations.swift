internal import GRDB
internal import JobModel

/// Reservations: how much of the disk each job was promised. A job's files never take more than its reservation.
extension Ledger {
    static func reservedBytes(_ db: Database, job number: Int64) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT reservedBytes FROM job WHERE number = ?"),
            arguments: [number]
        ) ?? 0
    }

    static func reservedBytes(_ db: Database) throws -> Int64 {
        // Answered from the index `jobWithReservation` alone.
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT COALESCE(SUM(reservedBytes), 0) FROM job WHERE reservedBytes > 0")
        ) ?? 0
    }

    /// What the job's files take, in whole blocks, by the books.
    static func occupiedBytes(_ db: Database, job number: Int64) throws -> Int64 {
        let sql = "SELECT COALESCE(SUM((sizeBytes + 4095) / 4096 * 4096), 0) FROM file WHERE job = ?"
        return try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: [number]) ?? 0
    }

    /// Raises the job's reservation to `wanted` bytes if the budget allows it.
    static func reserve(
        _ db: Database,
        _ wanted: Int64,
        job number: Int64,
        budget: DiskBudget,
        space: DiskSpace,
        deletedOpenBytes: Int64
    ) throws -> SpaceAnswer {
        let held = try reservedBytes(db, job: number)
        let written = try Int64.fetchOne(db.cachedStatement(sql: "SELECT COALESCE(SUM(bytes), 0) FROM usage")) ?? 0
        let answer = budget.judge(
            DiskBudget.Demand(
                wantedBytes: wanted,
                heldByJob: held,
                heldByOthers: try (reservedBytes(db) - held).addingClamped(deletedOpenBytes),
                writtenBytes: written.addingClamped(deletedOpenBytes),
                space: space
            )
        )
        if answer == .reserved, wanted > held { try setReservation(db, wanted, job: number) }
        return answer
    }

    static func setReservation(_ db: Database, _ bytes: Int64, job number: Int64) throws {
        try db.run(
            sql: "UPDATE job SET reservedBytes = ? WHERE number = ?",
            arguments: [FileRow.storable(bytes), number]
        )
    }

    /// Gives back what the job's files do not take.
    static func trimReservation(_ db: Database, job number: Int64) throws {
        let occupied = try occupiedBytes(db, job: number)
        try db.run(
            sql: "UPDATE job SET reservedBytes = ? WHERE number = ? AND reservedBytes > ?",
            arguments: [occupied, number, occupied]
        )
    }
}
