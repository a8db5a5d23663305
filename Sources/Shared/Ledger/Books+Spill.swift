internal import FoundationEssentials
internal import GRDB
package import JobModel

/// Files of waiting jobs that are moved to the spill store, and fetched back.
extension Books {
    /// All spilled files of a job travel in its messages with some hundred bytes each.
    package static let maximumSpilledFiles = 1000

    private static let isSpillable = """
        file.state = 'present' AND file.spill IS NULL AND file.sizeBytes >= ? \
        AND (file.compression IS NULL OR file.plainBytes IS NULL OR file.sizeBytes < file.plainBytes)
        """

    /// The name of this host's folder in a spill store that several share.
    package func installation() throws -> String {
        try String.fetchOne(db, sql: "SELECT installation FROM about") ?? ""
    }

    /// Jobs that wait since before `moment` and have files to spill, the last to begin first: a job that is about to go
    /// on is not held up.
    package func jobsToSpill(
        waitingSince moment: Int64,
        minimumBytes: Int64,
        before number: Int64,
        limit: Int
    ) throws -> [WaitingJob] {
        let sql = """
            SELECT number, kind, id FROM job
            WHERE fileCount > 0 AND number < ? AND \(Self.isWaiting) AND step <> ?
                AND EXISTS (SELECT 1 FROM file WHERE file.job = job.number AND \(Self.isSpillable))
            ORDER BY number DESC LIMIT ?
            """
        let arguments: StatementArguments = [number, moment, UpdateStep.waitingForSpace, minimumBytes, limit]
        return try Row.fetchAll(db, sql: sql, arguments: arguments).compactMap { WaitingJob($0) }
    }

    /// The files of one of these jobs, the largest first.
    package func filesToSpill(
        job number: Int64,
        waitingSince moment: Int64,
        minimumBytes: Int64
    ) throws -> [FileRow] {
        let columns = FileRow.columns.split(separator: ", ").map { "file.\($0)" }.joined(separator: ", ")
        let sql = """
            SELECT \(columns) FROM file JOIN job ON job.number = file.job
            WHERE job.number = ? AND \(Self.isWaiting) AND \(Self.isSpillable)
            ORDER BY file.sizeBytes DESC, file.number
            LIMIT MAX(? - (SELECT COUNT(*) FROM file WHERE job = ? AND spill IS NOT NULL), 0)
            """
        return try Row.fetchAll(
            db,
            sql: sql,
            arguments: [number, moment, minimumBytes, Self.maximumSpilledFiles, number]
        ).map { FileRow($0) }
    }

    /// The files of a job for which objects stand, or were about to.
    package func spilledFiles(job number: Int64) throws -> [SpilledFile] {
        let sql = "SELECT \(FileRow.columns) FROM file WHERE job = ? AND spill IS NOT NULL ORDER BY number"
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number]).compactMap { row in
            let file = FileRow(row)
            guard let number = file.spill, let object = try spilledObject(number) else { return nil }
            return SpilledFile(row: file, object: object)
        }
    }

    /// Jobs with files of which it is not noted what became of them: their process died, or is at it.
    package func jobsWithInterruptedSpills() throws -> [WaitingJob] {
        let sql = """
            SELECT DISTINCT job.number AS number, job.kind AS kind, job.id AS id
            FROM file INDEXED BY fileWithSpill JOIN job ON job.number = file.job
            WHERE file.spill IS NOT NULL AND file.spilledBytes IS NULL
            """
        return try Row.fetchAll(db, sql: sql).compactMap { WaitingJob($0) }
    }

    /// The rows with what their objects are, for manifests.
    func withCopies(_ rows: [FileRow]) throws -> [FileRow] {
        guard rows.contains(where: { $0.spill != nil }) else { return rows }
        return try rows.map { row in
            guard let number = row.spill, let object = try spilledObject(number), object.state == .spilled else {
                return row
            }
            var row = row
            row.copy = SpilledCopy(
                url: ByteText(object.location),
                sha256: object.sha256,
                sizeBytes: object.sizeBytes,
                compression: row.plainBytes == nil ? nil : row.compression
            )
            return row
        }
    }

    // MARK: - Steps

    /// Says that a file is about to be put into the store.
    package func planSpill(_ object: SpilledObject, of name: String, job number: Int64, now: Int64) throws {
        let spill = try insert(object, now: now)
        try db.run(sql: "UPDATE file SET spill = ? WHERE job = ? AND name = ?", arguments: [spill, number, name])
    }

    /// Says that the object is durable, and is the file.
    package func setSpilled(_ name: String, job number: Int64) throws {
        try db.run(
            sql: """
                UPDATE spill SET state = 'spilled'
                WHERE number = (SELECT spill FROM file WHERE job = ? AND name = ?) AND state = 'planned'
                """,
            arguments: [number, name]
        )
    }

    /// Says that the file is off the disk, and gives its space back with all that the job does not use. What it held is
    /// noted for its return.
    package func setAway(_ name: String, job number: Int64) throws {
        try db.run(
            sql: """
                UPDATE job SET spillReservation = MAX(spillReservation, reservedBytes) WHERE number = ?
                """,
            arguments: [number]
        )
        try db.run(
            sql: """
                UPDATE file SET spilledBytes = (SELECT sizeBytes FROM spill WHERE number = file.spill), sizeBytes = 0
                WHERE job = ? AND name = ? AND spill IS NOT NULL AND spilledBytes IS NULL
                """,
            arguments: [number, name]
        )
        guard db.changesCount > 0 else { return }
        try trimReservation(job: number)
        try count("spills = spills + 1, spilledBytes = spilledBytes + \(Self.sizeOfSpill)", name, number)
    }

    /// The file stays, or is back, as it was before; its object is to be deleted.
    ///
    /// - Parameter isFetched: the file came from the store.
    package func keepFile(_ name: String, sizeBytes: Int64, isFetched: Bool, job number: Int64) throws {
        if isFetched {
            try count("fetches = fetches + 1, fetchedBytes = fetchedBytes + \(Self.sizeOfSpill)", name, number)
        }
        try db.run(
            sql: "UPDATE file SET spill = NULL, spilledBytes = NULL, sizeBytes = ? WHERE job = ? AND name = ?",
            arguments: [FileRow.storable(sizeBytes), number, name]
        )
        let left = "SELECT EXISTS (SELECT 1 FROM file WHERE job = ? AND spill IS NOT NULL)"
        if try Bool.fetchOne(db.cachedStatement(sql: left), arguments: [number]) != true {
            try forgetSpillReservation(job: number)
        }
    }

    package func countSpillFailure(_ kind: MediaKind) throws {
        try db.run(sql: "UPDATE spillCount SET failures = failures + 1 WHERE kind = ?", arguments: [kind.rawValue])
    }

    /// The room that a job held before it spilled.
    package func spillReservation(job number: Int64) throws -> Int64 {
        let sql = "SELECT spillReservation FROM job WHERE number = ?"
        return try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: [number]) ?? 0
    }

    func forgetSpillReservation(job number: Int64) throws {
        try db.run(
            sql: "UPDATE job SET spillReservation = 0 WHERE number = ? AND spillReservation > 0",
            arguments: [number]
        )
    }

    private static let sizeOfSpill = """
        COALESCE((SELECT spill.sizeBytes FROM file JOIN spill ON spill.number = file.spill \
        WHERE file.job = :job AND file.name = :name), 0)
        """

    private func count(_ change: String, _ name: String, _ number: Int64) throws {
        try db.run(
            sql: "UPDATE spillCount SET \(change) WHERE kind = (SELECT kind FROM job WHERE number = :job)",
            arguments: ["job": number, "name": name]
        )
    }
}
