internal import FoundationEssentials
internal import GRDB
package import JobModel

/// The objects that jobs put into stores.
extension Books {
    /// Notes objects that a job is about to put, or that another host has put. Those that are noted stay as they are.
    ///
    /// - Parameter holding: the job holds their keys from now on.
    package func planObjects(_ objects: [JobObject], job number: Int64, holding: Bool = false) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO object (job, store, objectKey, state, name, holds) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (job, store, objectKey) DO UPDATE SET holds = 1
                    WHERE object.holds = 0 AND excluded.holds = 1
                """
        )
        for object in objects {
            try insert.execute(
                arguments: [
                    number, Data(object.store.utf8), Data(object.key.utf8), object.state.rawValue, object.name, holding,
                ]
            )
        }
    }

    /// Notes an object as put. A run that finds it put already does not know its validator, which stays.
    package func notePut(_ object: JobObject, job number: Int64) throws {
        try db.run(
            sql: """
                INSERT INTO object (job, store, objectKey, state, name, validator) VALUES (?, ?, ?, 'put', ?, ?)
                ON CONFLICT (job, store, objectKey) DO UPDATE SET state = 'put', name = excluded.name,
                    validator = COALESCE(excluded.validator, validator)
                """,
            arguments: [
                number, Data(object.store.utf8), Data(object.key.utf8), object.name, object.validator.map { Data($0) },
            ]
        )
    }

    /// In no order.
    package func objects(job number: Int64) throws -> [JobObject] {
        let sql = "SELECT objectKey, store, state, name, validator FROM object WHERE job = ?"
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number]).compactMap { row in
            let (keyBytes, storeBytes): (Data, Data) = (row[0], row[1])
            let validator: Data? = row[4]
            guard let key = ByteText(utf8: keyBytes), let store = ByteText(utf8: storeBytes),
                let state = JobObject.State(rawValue: row[2])
            else { return nil }
            return JobObject(
                key: key,
                store: store,
                state: state,
                name: row[3],
                validator: validator.map { [UInt8]($0) }
            )
        }
    }

    package func forgetObject(_ object: JobObject, job number: Int64) throws {
        try db.run(
            sql: "DELETE FROM object WHERE job = ? AND store = ? AND objectKey = ?",
            arguments: [number, Data(object.store.utf8), Data(object.key.utf8)]
        )
    }

    /// Jobs that have ended and of which objects are left, in the order of their numbers.
    ///
    /// - Parameter number: of the last one that is known already.
    package func jobsWithLeftObjects(after number: Int64, limit: Int) throws -> [(number: Int64, job: JobKey)] {
        let sql = """
            SELECT DISTINCT object.job, job.kind, job.id FROM object JOIN job ON job.number = object.job
            WHERE object.job > ? AND job.state = 'finished' ORDER BY object.job LIMIT ?
            """
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number, limit]).compactMap { row in
            let idBytes: Data = row[2]
            guard let kind = MediaKind(rawValue: row[1]), let id = ByteText(utf8: idBytes) else { return nil }
            return (row[0], JobKey(kind: kind, id: id))
        }
    }

    /// The stores of all objects.
    package func objectStores() throws -> [ByteText] {
        let sql = "SELECT DISTINCT store FROM object ORDER BY store"
        return try Data.fetchAll(db.cachedStatement(sql: sql)).compactMap { ByteText(utf8: $0) }
    }

    /// The objects in a store that jobs put, or have left there, and when those jobs ended, in milliseconds.
    package func objectOwners(store: ByteText) throws -> [(key: ByteText, job: JobKey, finishedAt: Int64?)] {
        let sql = """
            SELECT object.objectKey, job.kind, job.id, job.finishedAt FROM object JOIN job ON job.number = object.job
            WHERE object.store = ?
            """
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [Data(store.utf8)]).compactMap { row in
            let (keyBytes, idBytes): (Data, Data) = (row[0], row[2])
            guard let key = ByteText(utf8: keyBytes), let kind = MediaKind(rawValue: row[1]),
                let id = ByteText(utf8: idBytes)
            else { return nil }
            return (key, JobKey(kind: kind, id: id), row[3])
        }
    }
}
