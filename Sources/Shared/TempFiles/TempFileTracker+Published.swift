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
    /// Records that a file of the job was published, so that it need not be there any more. Planning the file anew, as when
    /// the job is run again, takes the record back.
    ///
    /// - Parameter path: absolute, or the file's name.
    /// - Throws: ``TempFileError`` with code `foreignPath`, or `jobFinished`.
    public func notePublished(_ published: PublishedFile, path: String, job: JobKey) async throws(TempFileError) {
        let name = try file(path, job: job).name
        let now = nowMilliseconds
        try await ledger.write { db in
            let number = try Ledger.ensureLiveJob(db, job, now: now).number
            try db.run(
                sql: """
                    INSERT INTO published (job, name, objectKey, location, sizeBytes) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (job, name) DO UPDATE SET objectKey = excluded.objectKey,
                        location = excluded.location, sizeBytes = excluded.sizeBytes
                    """,
                arguments: [number, name, published.key, published.location, published.sizeBytes]
            )
        }
    }

    /// What ``notePublished(_:path:job:)`` recorded of a file; nil for a path that is none of the job's.
    public func published(_ path: String, job: JobKey) async throws(TempFileError) -> PublishedFile? {
        guard let name = trackableName(path, job: job) else { return nil }
        return try await ledger.read { db in
            guard let row = try Ledger.job(db, job) else { return nil }
            let sql = "SELECT objectKey, location, sizeBytes FROM published WHERE job = ? AND name = ?"
            return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [row.number, name]).map {
                PublishedFile(key: $0["objectKey"], location: $0["location"], sizeBytes: $0["sizeBytes"])
            }
        }
    }
}
