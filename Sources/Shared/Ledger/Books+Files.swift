internal import FoundationEssentials
internal import GRDB
package import JobModel

extension Books {
    package func files(job number: Int64) throws -> [FileRow] {
        let sql = "SELECT \(FileRow.columns) FROM file WHERE job = ? ORDER BY number"
        return try withCopies(Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number]).map { FileRow($0) })
    }

    /// The numbers of the rows of a job's files by their names.
    package func fileNumbers(job number: Int64) throws -> [ByteText: Int64] {
        let sql = "SELECT name, number FROM file WHERE job = ?"
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [number])
        var numbers: [ByteText: Int64] = [:]
        while let row = try rows.next() { numbers[ByteText(row[0])] = row[1] }
        return numbers
    }

    /// The ledger's side of a sweep, in no order: the files that are, or may be, on the disk.
    package func trackedFiles(job number: Int64) throws -> [ByteText: Int64] {
        let sql = "SELECT name, createdAt FROM file WHERE job = ? AND spilledBytes IS NULL"
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [number])
        var files: [ByteText: Int64] = [:]
        while let row = try rows.next() { files[ByteText(row[0])] = row[1] }
        return files
    }

    /// Takes files of a job out of the ledger. Those that are all the job has are counted once instead of one by one.
    private func dropFiles(job number: Int64, numbers: [Int64]) throws {
        guard let last = numbers.max() else { return }
        let sums = "SELECT COUNT(*), COALESCE(SUM(sizeBytes), 0) FROM file WHERE job = ? AND number <= ?"
        let row = try Row.fetchOne(db.cachedStatement(sql: sums), arguments: [number, last])
        guard numbers.count > 1, let row, row[0] == numbers.count else {
            let delete = try db.cachedStatement(sql: "DELETE FROM file WHERE number = ? AND job = ?")
            // In the order of the table.
            for file in numbers.sorted() { try delete.execute(arguments: [file, number]) }
            return
        }
        let (files, bytes): (Int64, Int64) = (row[0], row[1])
        try db.run(sql: "UPDATE about SET isBulk = 1")
        try db.run(sql: "DELETE FROM file WHERE job = ? AND number <= ?", arguments: [number, last])
        try db.run(sql: "UPDATE about SET isBulk = 0")
        try db.run(sql: "UPDATE job SET fileCount = fileCount - ? WHERE number = ?", arguments: [files, number])
        try db.run(
            sql: """
                UPDATE usage SET
                    jobs = jobs - (SELECT fileCount = 0 FROM job WHERE number = :job),
                    files = files - :files, bytes = bytes - :bytes
                WHERE kind = (SELECT kind FROM job WHERE number = :job)
                """,
            arguments: ["job": number, "files": files, "bytes": bytes]
        )
    }

    /// Takes a file out of the ledger.
    package func drop(_ name: String, job number: Int64) throws {
        try db.cachedStatement(sql: "DELETE FROM file WHERE job = ? AND name = ?").execute(arguments: [number, name])
    }

    /// Plans a file. A name that is in the ledger already starts over.
    package func plan(_ file: FileRow, job number: Int64) throws {
        // The file that was there before was published, not this one.
        try db.cachedStatement(sql: "DELETE FROM published WHERE job = ? AND name = ?")
            .execute(arguments: [number, file.name])
        try db.cachedStatement(
            sql: """
                INSERT INTO file (job, name, state, type, stage, description, sizeBytes, createdAt)
                VALUES (?, ?, 'planned', ?, ?, ?, 0, ?)
                ON CONFLICT (job, name) DO UPDATE SET state = 'planned', type = excluded.type, stage = excluded.stage,
                    description = excluded.description, sizeBytes = 0, attempts = 0, errno = NULL,
                    createdAt = excluded.createdAt, plainBytes = NULL, compression = NULL, spill = NULL,
                    spilledBytes = NULL
                """
        ).execute(
            arguments: [
                number, file.name, file.type.rawValue, file.stage?.rawValue, file.description, file.createdAt,
            ]
        )
    }

    /// Plans a file whose name is not in the ledger.
    ///
    /// - Returns: false when it is, and nothing was changed.
    package func planNew(_ file: FileRow, job number: Int64) throws -> Bool {
        try db.run(
            sql: """
                INSERT INTO file (job, name, state, type, stage, description, sizeBytes, createdAt)
                VALUES (?, ?, 'planned', ?, ?, ?, 0, ?) ON CONFLICT (job, name) DO NOTHING
                """,
            arguments: [
                number, file.name, file.type.rawValue, file.stage?.rawValue, file.description, file.createdAt,
            ]
        )
        guard db.changesCount > 0 else { return false }
        // An earlier file of this name may have been published.
        try db.run(sql: "DELETE FROM published WHERE job = ? AND name = ?", arguments: [number, file.name])
        return true
    }

    /// How many files of the job are in the ledger.
    package func fileCount(job number: Int64) throws -> Int {
        let sql = "SELECT fileCount FROM job WHERE number = ?"
        return try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [number]) ?? 0
    }

    /// Bytes of the texts that the job's files bring into its manifest. Looks at all of them.
    package func manifestTextBytes(job number: Int64) throws -> Int64 {
        let sql = """
            SELECT COALESCE(SUM(LENGTH(CAST(name AS BLOB)) + LENGTH(CAST(description AS BLOB))
                + COALESCE(LENGTH(CAST(extra AS BLOB)), 0)), 0) FROM file WHERE job = ?
            """
        return try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: [number]) ?? 0
    }

    /// Adds a file that a manifest names and the ledger does not. A ledger that knows it knows better; only the fields
    /// that this version does not understand are taken over.
    package func importFile(_ file: FileRow, job number: Int64) throws {
        try db.run(
            sql: """
                INSERT INTO file (job, name, state, type, stage, description, sizeBytes, extra, createdAt)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (job, name) DO UPDATE SET extra = COALESCE(excluded.extra, extra)
                """,
            arguments: [
                number, file.name, file.state.rawValue, file.type.rawValue, file.stage?.rawValue, file.description,
                FileRow.storable(file.sizeBytes), file.extra, file.createdAt,
            ]
        )
    }

    package func setSize(job number: Int64, name: String, sizeBytes: Int64) throws {
        // Only while it grows: a late note must not overwrite the final size.
        let sql = "UPDATE file SET sizeBytes = ? WHERE job = ? AND name = ? AND state = 'planned'"
        try db.cachedStatement(sql: sql).execute(arguments: [FileRow.storable(sizeBytes), number, name])
    }

    /// Records a file as written. A ledger that was lost meanwhile gets a row for it.
    package func setPresent(job number: Int64, name: String, sizeBytes: Int64, now: Int64) throws {
        try db.run(
            sql: """
                INSERT INTO file (job, name, state, type, description, sizeBytes, createdAt)
                VALUES (?, ?, 'present', 'intermediate', '', ?, ?)
                ON CONFLICT (job, name) DO UPDATE SET state = 'present', sizeBytes = excluded.sizeBytes,
                    plainBytes = NULL, compression = NULL, spill = NULL, spilledBytes = NULL
                """,
            arguments: [number, name, FileRow.storable(sizeBytes), now]
        )
    }

    /// - Returns: whether the file is in the ledger.
    package func mark(job number: Int64, name: String) throws -> Bool {
        try db.run(
            sql: "UPDATE file SET state = 'marked' WHERE job = ? AND name = ?",
            arguments: [number, name]
        )
        return db.changesCount > 0
    }

    /// Takes removed files out of the ledger, by name or number, and notes those that are still there.
    package func settle(
        job number: Int64,
        gone: [String],
        numbers: [Int64],
        failed: [(name: String, errno: CInt)]
    ) throws {
        for name in gone { try drop(name, job: number) }
        try dropFiles(job: number, numbers: numbers)
        for failure in failed {
            try db.run(
                sql: "UPDATE file SET state = 'marked', attempts = attempts + 1, errno = ? WHERE job = ? AND name = ?",
                arguments: [failure.errno, number, failure.name]
            )
        }
        // The files that a finished job left are gone at last, and so is its reservation.
        try db.run(
            sql: """
                UPDATE job SET reservedBytes = 0
                WHERE number = ? AND reservedBytes > 0 AND state = 'finished' AND fileCount = 0
                """,
            arguments: [number]
        )
    }

    package func statistics() throws -> [MediaKind: TempFileStatistics] {
        var result: [MediaKind: TempFileStatistics] = [:]
        for kind in MediaKind.allCases { result[kind] = TempFileStatistics() }
        for row in try Row.fetchAll(db.cachedStatement(sql: "SELECT kind, jobs, files, bytes FROM usage")) {
            guard let kind = MediaKind(rawValue: row["kind"]) else { continue }
            let jobs: Int64 = row["jobs"]
            let files: Int64 = row["files"]
            result[kind] = TempFileStatistics(
                totalJobs: Int(clamping: jobs),
                totalFiles: Int(clamping: files),
                totalSizeBytes: row["bytes"]
            )
        }
        for row in try Row.fetchAll(db.cachedStatement(sql: Self.compressedSums)) {
            guard let kind = MediaKind(rawValue: row["kind"]) else { continue }
            let files: Int64 = row["files"]
            result[kind]?.compressedFiles = Int(clamping: files)
            result[kind]?.savedBytes = row["saved"]
        }
        for (kind, spilled) in try spilledTotals() {
            result[kind]?.spilledFiles = spilled.files
            result[kind]?.spilledBytes = spilled.sizeBytes
        }
        return result
    }
}
