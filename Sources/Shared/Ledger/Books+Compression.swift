internal import FoundationEssentials
internal import GRDB
internal import JobModel

/// Compression of the files of waiting jobs.
extension Books {
    /// In `compression`: was looked at, and stays as it is.
    private static let refused = "none"

    static let compressedSums = """
        SELECT job.kind AS kind, COUNT(*) AS files, SUM(MAX(plainBytes - sizeBytes, 0)) AS saved
        FROM file INDEXED BY compressedFile JOIN job ON job.number = file.job
        WHERE plainBytes IS NOT NULL AND spilledBytes IS NULL GROUP BY job.kind
        """

    static let isWaiting = "job.state = 'active' AND job.stage IN ('process', 'upload') AND job.updatedAt < ?"
    // A file that is on its way to the spill store stays as it is.
    private static let isCandidate = """
        file.state = 'present' AND file.compression IS NULL AND file.spill IS NULL AND file.sizeBytes >= ?
        """

    /// Jobs that wait since before `moment` and have files nobody thought of compressing, the last to begin first: a
    /// job that is about to go on is not held up.
    package func jobsToCompress(
        waitingSince moment: Int64,
        minimumBytes: Int64,
        before number: Int64,
        limit: Int
    ) throws -> [WaitingJob] {
        let sql = """
            SELECT number, kind, id FROM job
            WHERE fileCount > 0 AND number < ? AND \(Self.isWaiting)
                AND EXISTS (SELECT 1 FROM file WHERE file.job = job.number AND \(Self.isCandidate))
            ORDER BY number DESC LIMIT ?
            """
        let arguments: StatementArguments = [number, moment, minimumBytes, limit]
        return try Row.fetchAll(db, sql: sql, arguments: arguments).compactMap { WaitingJob($0) }
    }

    /// - Returns: the files of one of these jobs, and what all its files take uncompressed, in whole blocks.
    package func filesToCompress(
        job number: Int64,
        waitingSince moment: Int64,
        minimumBytes: Int64
    ) throws -> (files: [FileRow], plainBytes: Int64) {
        let sql = """
            SELECT \(FileRow.columns.split(separator: ", ").map { "file.\($0)" }.joined(separator: ", ")) FROM file
            JOIN job ON job.number = file.job
            WHERE job.number = ? AND \(Self.isWaiting) AND \(Self.isCandidate) ORDER BY file.number
            """
        let files = try Row.fetchAll(db, sql: sql, arguments: [number, moment, minimumBytes]).map { FileRow($0) }
        let sum = """
            SELECT COALESCE(SUM((COALESCE(plainBytes, sizeBytes) + 4095) / 4096 * 4096), 0) FROM file WHERE job = ?
            """
        return (files, try Int64.fetchOne(db, sql: sum, arguments: [number]) ?? 0)
    }

    /// Files that may be compressed, with their rows.
    package func compressedFiles(
        job number: Int64
    ) throws -> [(row: FileRow, file: CompressedFile)] {
        let sql = """
            SELECT \(FileRow.columns) FROM file
            WHERE job = ? AND plainBytes IS NOT NULL AND compression IS NOT NULL AND spilledBytes IS NULL
            ORDER BY number
            """
        return try Row.fetchAll(db, sql: sql, arguments: [number]).map { (FileRow($0), CompressedFile($0)) }
    }

    /// Files of which it was never noted that they were replaced: their process died, or is at it.
    package func interruptedCompressions() throws -> [(job: WaitingJob, file: CompressedFile)] {
        let sql = """
            SELECT job.number AS number, job.kind AS kind, job.id AS id, file.name AS name, plainBytes, compression
            FROM file INDEXED BY compressedFile JOIN job ON job.number = file.job
            WHERE plainBytes IS NOT NULL AND compression IS NOT NULL AND sizeBytes >= plainBytes
                AND spilledBytes IS NULL
            """
        return try Row.fetchAll(db, sql: sql).compactMap { row in WaitingJob(row).map { ($0, CompressedFile(row)) } }
    }

    /// Says that a file is about to be replaced by a compressed one, which is written to `temporary`.
    package func beginCompression(
        _ file: CompressedFile,
        temporary: FileRow,
        job number: Int64
    ) throws {
        try plan(temporary, job: number)
        try db.run(
            sql: "UPDATE file SET plainBytes = ?, compression = ? WHERE job = ? AND name = ?",
            arguments: [FileRow.storable(file.plainBytes), file.token, number, file.name]
        )
    }

    package func endCompression(
        _ name: String,
        storedBytes: Int64,
        temporary: String,
        job number: Int64
    ) throws {
        try drop(temporary, job: number)
        try db.run(
            sql: "UPDATE file SET sizeBytes = ? WHERE job = ? AND name = ?",
            arguments: [FileRow.storable(storedBytes), number, name]
        )
    }

    /// The file is as it was, and is left so if `isFinal`.
    package func abandonCompression(
        _ name: String,
        temporary: String?,
        isFinal: Bool,
        job number: Int64
    ) throws {
        if let temporary { try drop(temporary, job: number) }
        try db.run(
            sql: "UPDATE file SET plainBytes = NULL, compression = ? WHERE job = ? AND name = ?",
            arguments: [isFinal ? Self.refused : nil, number, name]
        )
    }

    /// The file has its content again, of `sizeBytes`.
    package func endRestore(
        _ name: String,
        sizeBytes: Int64,
        temporary: String,
        job number: Int64
    ) throws {
        try drop(temporary, job: number)
        try db.run(
            sql: "UPDATE file SET sizeBytes = ?, plainBytes = NULL, compression = NULL WHERE job = ? AND name = ?",
            arguments: [FileRow.storable(sizeBytes), number, name]
        )
    }
}
