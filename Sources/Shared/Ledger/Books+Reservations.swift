internal import GRDB
internal import JobModel

/// Reservations: how much of the disk each job was promised. A job's files never take more than its reservation.
extension Books {
    package func reservedBytes(job number: Int64) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT reservedBytes FROM job WHERE number = ?"),
            arguments: [number]
        ) ?? 0
    }

    package func reservedBytes() throws -> Int64 {
        // Answered from the index `jobWithReservation` alone.
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT COALESCE(SUM(reservedBytes), 0) FROM job WHERE reservedBytes > 0")
        ) ?? 0
    }

    /// The bytes of the job's files by the ledger, in whole blocks.
    package func occupiedBytes(job number: Int64) throws -> Int64 {
        let sql = "SELECT COALESCE(SUM((sizeBytes + 4095) / 4096 * 4096), 0) FROM file WHERE job = ?"
        return try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: [number]) ?? 0
    }

    /// All that the budget of the disk is judged by and that the ledger knows.
    package func reservations(job number: Int64) throws -> Reservations {
        let held = try reservedBytes(job: number)
        return Reservations(
            heldByJob: held,
            heldByOthers: try reservedBytes() - held,
            writtenBytes: try Int64.fetchOne(db.cachedStatement(sql: "SELECT COALESCE(SUM(bytes), 0) FROM usage")) ?? 0
        )
    }

    /// Whether another job that waits for space holds more than this one, or as much and came earlier.
    package func isOutdoneByWaitingJob(_ number: Int64) throws -> Bool {
        let own = try reservedBytes(job: number)
        let sql = """
            SELECT EXISTS (
                SELECT 1 FROM job WHERE reservedBytes > 0 AND reservedBytes >= :own AND number <> :job
                    AND state = 'active' AND step = :waiting AND (reservedBytes > :own OR number < :job)
            )
            """
        let arguments: StatementArguments = ["own": own, "job": number, "waiting": UpdateStep.waitingForSpace]
        return try Bool.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) ?? false
    }

    package func setReservation(_ bytes: Int64, job number: Int64) throws {
        try db.run(
            sql: "UPDATE job SET reservedBytes = ? WHERE number = ?",
            arguments: [FileRow.storable(bytes), number]
        )
    }

    /// Gives back what the job's files do not take.
    package func trimReservation(job number: Int64) throws {
        let occupied = try occupiedBytes(job: number)
        try db.run(
            sql: "UPDATE job SET reservedBytes = ? WHERE number = ? AND reservedBytes > ?",
            arguments: [occupied, number, occupied]
        )
    }
}

/// The bytes that were promised to jobs, and the written part of them.
package struct Reservations: Sendable {
    package var heldByJob: Int64
    package var heldByOthers: Int64
    /// By all jobs together.
    package var writtenBytes: Int64
}
