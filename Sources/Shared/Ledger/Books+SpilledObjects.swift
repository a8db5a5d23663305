internal import FoundationEssentials
internal import GRDB
package import JobModel

/// Objects of the spill store, whatever became of their files.
extension Books {
    package func spilledObject(_ number: Int64) throws -> SpilledObject? {
        let sql = "SELECT \(SpilledObject.columns) FROM spill WHERE number = ?"
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [number]).flatMap { SpilledObject($0) }
    }

    /// - Returns: the number of its row.
    func insert(_ object: SpilledObject, now: Int64) throws -> Int64 {
        try db.run(
            sql: """
                INSERT INTO spill (kind, id, store, objectKey, state, sizeBytes, sha256, createdAt)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                object.job.kind.rawValue, Data(object.job.id.utf8), object.store, object.key, object.state.rawValue,
                FileRow.storable(object.sizeBytes), Data(object.sha256), now,
            ]
        )
        return db.lastInsertedRowID
    }

    /// Takes over a file that another host has spilled, as a message says. One whose object is in the ledger already is
    /// left as it is: it may be about to be deleted.
    package func adoptSpilled(_ file: FileRow, _ object: SpilledObject, job number: Int64, now: Int64) throws {
        if try !knownObjects([object.key]).isEmpty { return }
        let isThere = "SELECT EXISTS (SELECT 1 FROM file WHERE job = ? AND name = ?)"
        if try Bool.fetchOne(db.cachedStatement(sql: isThere), arguments: [number, file.name]) == true { return }
        var row = file
        row.sizeBytes = 0
        try importFile(row, job: number)
        let spill = try insert(object, now: now)
        try db.run(
            sql: """
                UPDATE file SET state = 'present', spill = ?, spilledBytes = ?, plainBytes = ?, compression = ?
                WHERE job = ? AND name = ?
                """,
            arguments: [
                spill, FileRow.storable(object.sizeBytes), file.plainBytes.map { FileRow.storable($0) },
                file.compression, number, file.name,
            ]
        )
    }

    // MARK: - Leaving

    /// Objects to be deleted of a job.
    package func leavingObjects(of job: JobKey) throws -> [SpilledObject] {
        let sql = """
            SELECT \(SpilledObject.columns) FROM spill WHERE kind = ? AND id = ? AND state = 'leaving' ORDER BY number
            """
        let arguments: StatementArguments = [job.kind.rawValue, Data(job.id.utf8)]
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).compactMap { SpilledObject($0) }
    }

    /// Objects to be deleted that are due. A time that is farther away than any pause was written by a clock that was
    /// wrong.
    package func leavingObjects(dueAt now: Int64, longestPause: Int64, limit: Int) throws -> [SpilledObject] {
        let sql = """
            SELECT \(SpilledObject.columns) FROM spill INDEXED BY leavingSpill
            WHERE state = 'leaving' AND (retryAt IS NULL OR retryAt NOT BETWEEN ? AND ?) ORDER BY number LIMIT ?
            """
        let latest = now.addingClamped(longestPause)
        return try Row.fetchAll(
            db.cachedStatement(sql: sql),
            arguments: [now.addingClamped(1), latest, max(limit, 0)]
        ).compactMap { SpilledObject($0) }
    }

    /// The object is gone.
    package func forgetObject(_ number: Int64) throws {
        try db.run(sql: "DELETE FROM spill WHERE number = ? AND state = 'leaving'", arguments: [number])
    }

    /// A try to delete the object has failed.
    package func noteUndeleted(_ object: SpilledObject, cause: String, retryAt: Int64) throws {
        try db.run(
            sql: "UPDATE spill SET attempts = attempts + 1, retryAt = ?, cause = ? WHERE number = ?",
            arguments: [retryAt, cause, object.number]
        )
        try countSpillFailure(object.job.kind)
    }

    /// Whether there is any object in the ledger.
    package func hasSpilledObjects() throws -> Bool {
        try Bool.fetchOne(db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM spill)")) ?? false
    }

    /// Which of these keys are in the ledger. A key has a random part, and is told apart from all others without its
    /// store, whose URL may have been written in another way since.
    package func knownObjects(_ keys: [String]) throws -> Set<ByteText> {
        let statement = try db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM spill WHERE objectKey = ?)")
        var known: Set<ByteText> = []
        for key in keys where try Bool.fetchOne(statement, arguments: [key]) == true { known.insert(ByteText(key)) }
        return known
    }

    // MARK: - Figures

    /// By the kind of their jobs.
    func spilledTotals() throws -> [MediaKind: FileTotals] {
        let sql = """
            SELECT job.kind AS kind, COUNT(*) AS files, SUM(file.spilledBytes) AS bytes
            FROM file INDEXED BY fileWithSpill JOIN job ON job.number = file.job
            WHERE file.spill IS NOT NULL AND file.spilledBytes IS NOT NULL GROUP BY job.kind
            """
        var totals: [MediaKind: FileTotals] = [:]
        for row in try Row.fetchAll(db.cachedStatement(sql: sql)) {
            guard let kind = MediaKind(rawValue: row["kind"]) else { continue }
            let files: Int64 = row["files"]
            totals[kind] = FileTotals(files: Int(clamping: files), sizeBytes: row["bytes"])
        }
        return totals
    }

    package func spillFigures() throws -> SpillFigures {
        var figures = SpillFigures()
        for row in try Row.fetchAll(db.cachedStatement(sql: "SELECT * FROM spillCount")) {
            guard let kind = MediaKind(rawValue: row["kind"]) else { continue }
            figures.counts[kind] = SpillFigures.Counts(
                spills: row["spills"],
                spilledBytes: row["spilledBytes"],
                fetches: row["fetches"],
                fetchedBytes: row["fetchedBytes"],
                failures: row["failures"]
            )
        }
        let leaving = """
            SELECT COUNT(*) AS objects, COALESCE(SUM(sizeBytes), 0) AS bytes, COALESCE(MAX(attempts), 0) AS attempts
            FROM spill INDEXED BY leavingSpill WHERE state = 'leaving'
            """
        if let row = try Row.fetchOne(db.cachedStatement(sql: leaving)) {
            let objects: Int64 = row["objects"]
            figures.leaving = FileTotals(files: Int(clamping: objects), sizeBytes: row["bytes"])
            figures.mostAttempts = row["attempts"]
        }
        let cause = """
            SELECT cause FROM spill INDEXED BY leavingSpill
            WHERE state = 'leaving' AND cause IS NOT NULL ORDER BY attempts DESC LIMIT 1
            """
        figures.cause = try String.fetchOne(db.cachedStatement(sql: cause))
        return figures
    }
}
