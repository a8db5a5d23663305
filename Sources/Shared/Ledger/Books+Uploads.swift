internal import FoundationEssentials
internal import GRDB
package import JobModel

/// The uploads in parts that jobs have begun.
extension Books {
    package func noteUpload(_ upload: JobUpload, job number: Int64) throws {
        try db.run(
            sql: """
                INSERT INTO upload (job, store, objectKey, id) VALUES (?, ?, ?, ?)
                ON CONFLICT (job, store, objectKey, id) DO NOTHING
                """,
            arguments: [number, Data(upload.store.utf8), Data(upload.key.utf8), Data(upload.id.utf8)]
        )
    }

    /// The newest first.
    package func uploads(job number: Int64) throws -> [JobUpload] {
        let sql = "SELECT store, objectKey, id FROM upload WHERE job = ? ORDER BY number DESC"
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number]).compactMap { row in
            let (store, key, id): (Data, Data, Data) = (row[0], row[1], row[2])
            guard let store = ByteText(utf8: store), let key = ByteText(utf8: key), let id = ByteText(utf8: id) else {
                return nil
            }
            return JobUpload(store: store, key: key, id: id)
        }
    }

    /// The uploads of a store that are not known to be over, with when their jobs ended, in milliseconds.
    package func uploadOwners(store: ByteText) throws -> [(upload: JobUpload, job: JobKey, finishedAt: Int64?)] {
        let sql = """
            SELECT upload.objectKey, upload.id, job.kind, job.id, job.finishedAt
            FROM upload JOIN job ON job.number = upload.job WHERE upload.store = ?
            """
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [Data(store.utf8)]).compactMap { row in
            let (keyBytes, nameBytes, idBytes): (Data, Data, Data) = (row[0], row[1], row[3])
            guard let key = ByteText(utf8: keyBytes), let name = ByteText(utf8: nameBytes),
                let kind = MediaKind(rawValue: row[2]), let id = ByteText(utf8: idBytes)
            else { return nil }
            return (JobUpload(store: store, key: key, id: name), JobKey(kind: kind, id: id), row[4])
        }
    }

    package func forgetUpload(_ upload: JobUpload, job number: Int64) throws {
        try db.run(
            sql: "DELETE FROM upload WHERE job = ? AND store = ? AND objectKey = ? AND id = ?",
            arguments: [number, Data(upload.store.utf8), Data(upload.key.utf8), Data(upload.id.utf8)]
        )
    }
}
