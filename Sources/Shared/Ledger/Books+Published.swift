internal import GRDB
package import JobModel

/// Outputs that are in the object store already.
extension Books {
    package func notePublished(_ file: PublishedFile, name: String, job number: Int64) throws {
        try db.run(
            sql: """
                INSERT INTO published (job, name, objectKey, location, sizeBytes) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (job, name) DO UPDATE SET objectKey = excluded.objectKey,
                    location = excluded.location, sizeBytes = excluded.sizeBytes
                """,
            arguments: [number, name, file.key, file.location, file.sizeBytes]
        )
    }

    /// By the names of the files that were published.
    package func published(job number: Int64) throws -> [(name: String, file: PublishedFile)] {
        let sql = "SELECT name, objectKey, location, sizeBytes FROM published WHERE job = ?"
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number]).map { row in
            (row[0], PublishedFile(key: row[1], location: row[2], sizeBytes: row[3]))
        }
    }
}
