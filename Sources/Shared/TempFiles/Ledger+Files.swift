internal import FoundationEssentials
internal import GRDB
internal import JobModel

/// A file's row.
struct FileRow: Sendable {
    enum State: String, Sendable {
        /// On the books; the file may or may not exist.
        case planned
        /// Written and on the device.
        case present
        /// No longer needed, or to be removed and not yet gone.
        case marked
    }

    var name: String
    var state: State
    var type: TempFileType
    var stage: JobPhase?
    var description: String
    /// What the file takes, compressed or not.
    var sizeBytes: Int64
    /// Size of the content of a compressed file.
    var plainBytes: Int64?
    /// Fields of the manifest that this version does not know, as JSON. Not read before they are told: nothing that a message
    /// brings is worked on while the ledger is locked.
    var extra: String?
    /// Failed removals so far.
    var attempts: Int64 = 0
    var createdAt: Int64

    static let columns = "name, state, type, stage, description, sizeBytes, plainBytes, extra, attempts, createdAt"
    /// More than any file has; sums of a million of these fit 64 bits.
    static let maximumSizeBytes: Int64 = 1 << 42

    init(
        name: String,
        state: State,
        type: TempFileType,
        stage: JobPhase?,
        description: String,
        sizeBytes: Int64,
        createdAt: Int64
    ) {
        self.name = name
        self.state = state
        self.type = type
        self.stage = stage
        self.description = description
        self.sizeBytes = sizeBytes
        self.createdAt = createdAt
    }

    init(_ row: Row) {
        name = row["name"]
        let stage: String? = row["stage"]
        // A word that a newer version wrote: what may exist, and what it is for, is not known.
        state = State(rawValue: row["state"]) ?? .planned
        type = TempFileType(rawValue: row["type"]) ?? .intermediate
        self.stage = stage.flatMap { JobPhase(rawValue: $0) }
        description = row["description"]
        sizeBytes = row["sizeBytes"]
        plainBytes = row["plainBytes"]
        extra = row["extra"]
        attempts = row["attempts"]
        createdAt = row["createdAt"]
    }

    func entry(path: String) -> TempFileEntry {
        var entry = TempFileEntry(
            path: ByteText(path),
            stage: stage,
            createdAt: Timestamp.string(Date(milliseconds: createdAt)),
            sizeBytes: plainBytes ?? sizeBytes,
            type: type,
            description: description,
            isMarkedForCleanup: state == .marked
        )
        entry.unknown = extra.flatMap { try? JSONFields(parsing: $0.utf8) } ?? JSONFields()
        return entry
    }

    static func storable(_ sizeBytes: Int64) -> Int64 { min(max(sizeBytes, 0), maximumSizeBytes) }
}

extension Ledger {
    static func files(_ db: Database, job number: Int64) throws -> [FileRow] {
        let sql = "SELECT \(FileRow.columns) FROM file WHERE job = ? ORDER BY number"
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number]).map { FileRow($0) }
    }

    /// The numbers of the rows of a job's files by their names.
    static func fileNumbers(_ db: Database, job number: Int64) throws -> [ByteText: Int64] {
        let sql = "SELECT name, number FROM file WHERE job = ?"
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [number])
        var numbers: [ByteText: Int64] = [:]
        while let row = try rows.next() { numbers[ByteText(row[0])] = row[1] }
        return numbers
    }

    /// The books' side of a sweep, in no order.
    static func trackedFiles(_ db: Database, job number: Int64) throws -> [ByteText: Int64] {
        let sql = "SELECT name, createdAt FROM file WHERE job = ?"
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [number])
        var files: [ByteText: Int64] = [:]
        while let row = try rows.next() { files[ByteText(row[0])] = row[1] }
        return files
    }

    /// Takes files of a job off the books. Those that are all the job has are counted once instead of one by one.
    private static func dropFiles(_ db: Database, job number: Int64, numbers: [Int64]) throws {
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

    /// Takes a file off the books.
    static func drop(_ db: Database, _ name: String, job number: Int64) throws {
        try db.cachedStatement(sql: "DELETE FROM file WHERE job = ? AND name = ?").execute(arguments: [number, name])
    }

    /// Plans a file. A name that is on the books already starts over.
    static func plan(_ db: Database, _ file: FileRow, job number: Int64) throws {
        // What was published is the file that was there before.
        try db.cachedStatement(sql: "DELETE FROM published WHERE job = ? AND name = ?")
            .execute(arguments: [number, file.name])
        try db.cachedStatement(
            sql: """
                INSERT INTO file (job, name, state, type, stage, description, sizeBytes, createdAt)
                VALUES (?, ?, 'planned', ?, ?, ?, 0, ?)
                ON CONFLICT (job, name) DO UPDATE SET state = 'planned', type = excluded.type, stage = excluded.stage,
                    description = excluded.description, sizeBytes = 0, attempts = 0, errno = NULL,
                    createdAt = excluded.createdAt, plainBytes = NULL, compression = NULL
                """
        ).execute(
            arguments: [
                number, file.name, file.type.rawValue, file.stage?.rawValue, file.description, file.createdAt,
            ]
        )
    }

    /// Adds a file that a manifest names and the books do not. Books that know it know better; only the fields that this
    /// version does not understand are taken over.
    static func importFile(_ db: Database, _ file: FileRow, job number: Int64) throws {
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

    static func setSize(_ db: Database, job number: Int64, name: String, sizeBytes: Int64) throws {
        // Only while it grows: a late note must not overwrite the final size.
        let sql = "UPDATE file SET sizeBytes = ? WHERE job = ? AND name = ? AND state = 'planned'"
        try db.cachedStatement(sql: sql).execute(arguments: [FileRow.storable(sizeBytes), number, name])
    }

    /// Records a file as written. Books that were lost meanwhile get a row for it.
    static func setPresent(_ db: Database, job number: Int64, name: String, sizeBytes: Int64, now: Int64) throws {
        try db.run(
            sql: """
                INSERT INTO file (job, name, state, type, description, sizeBytes, createdAt)
                VALUES (?, ?, 'present', 'intermediate', '', ?, ?)
                ON CONFLICT (job, name) DO UPDATE SET state = 'present', sizeBytes = excluded.sizeBytes,
                    plainBytes = NULL, compression = NULL
                """,
            arguments: [number, name, FileRow.storable(sizeBytes), now]
        )
    }

    /// - Returns: whether the file is on the books.
    static func mark(_ db: Database, job number: Int64, name: String) throws -> Bool {
        try db.run(
            sql: "UPDATE file SET state = 'marked' WHERE job = ? AND name = ?",
            arguments: [number, name]
        )
        return db.changesCount > 0
    }

    /// Takes removed files off the books, by name or number, and notes those that are still there.
    static func settle(
        _ db: Database,
        job number: Int64,
        gone: [String],
        numbers: [Int64],
        failed: [(name: String, errno: CInt)]
    ) throws {
        for name in gone { try drop(db, name, job: number) }
        try dropFiles(db, job: number, numbers: numbers)
        for failure in failed {
            try db.run(
                sql: "UPDATE file SET state = 'marked', attempts = attempts + 1, errno = ? WHERE job = ? AND name = ?",
                arguments: [failure.errno, number, failure.name]
            )
        }
        // What a finished job left is gone at last, and so is what it held of the disk.
        try db.run(
            sql: """
                UPDATE job SET reservedBytes = 0
                WHERE number = ? AND reservedBytes > 0 AND state = 'finished' AND fileCount = 0
                """,
            arguments: [number]
        )
    }

    static func statistics(_ db: Database) throws -> [MediaKind: TempFileStatistics] {
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
        for row in try Row.fetchAll(db.cachedStatement(sql: compressedSums)) {
            guard let kind = MediaKind(rawValue: row["kind"]) else { continue }
            let files: Int64 = row["files"]
            result[kind]?.compressedFiles = Int(clamping: files)
            result[kind]?.savedBytes = row["saved"]
        }
        return result
    }
}
