internal import GRDB
public import JobModel

/// An output that is in the object store, whole and durable.
public struct PublishedFile: Sendable, Hashable {
    /// Of the object.
    public var key: String
    /// Where it is, as a URL.
    public var location: String
    public var sizeBytes: Int64

    public init(key: String, location: String, sizeBytes: Int64) {
        self.key = key
        self.location = location
        self.sizeBytes = sizeBytes
    }
}

extension TempFileTracker {
    /// Records that files of the job were published, so that they need not be there any more. Planning a file anew, as when
    /// the job is run again, takes the record back.
    ///
    /// - Parameter published: by the files' paths, absolute, or their names.
    /// - Throws: ``TempFileError`` with code `foreignPath`, or `jobFinished`.
    public func notePublished(_ published: [ByteText: PublishedFile], job: JobKey) async throws(TempFileError) {
        var named: [(name: String, file: PublishedFile)] = []
        for (path, file) in published { named.append((try self.file(path.string, job: job).name, file)) }
        let (rows, now) = (named, nowMilliseconds)
        try await ledger.write(for: .cleaning) { db in
            let number = try Ledger.ensureLiveJob(db, job, now: now).number
            for (name, file) in rows {
                try db.run(
                    sql: """
                        INSERT INTO published (job, name, objectKey, location, sizeBytes) VALUES (?, ?, ?, ?, ?)
                        ON CONFLICT (job, name) DO UPDATE SET objectKey = excluded.objectKey,
                            location = excluded.location, sizeBytes = excluded.sizeBytes
                        """,
                    arguments: [number, name, file.key, file.location, file.sizeBytes]
                )
            }
        }
    }

    /// What ``notePublished(_:job:)`` recorded, by the files' absolute paths.
    public func published(_ job: JobKey) async throws(TempFileError) -> [ByteText: PublishedFile] {
        let workspace = workspace
        return try await ledger.read { db in
            guard let row = try Ledger.head(db, job) else { return [:] }
            let sql = "SELECT name, objectKey, location, sizeBytes FROM published WHERE job = ?"
            var files: [ByteText: PublishedFile] = [:]
            for found in try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [row.number]) {
                files[ByteText(workspace.absolutePath(of: found[0], job: job))] =
                    PublishedFile(key: found[1], location: found[2], sizeBytes: found[3])
            }
            return files
        }
    }
}
