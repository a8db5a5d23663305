internal import FoundationEssentials
internal import GRDB
package import JobModel

/// The keys that jobs hold: no two jobs that go on put objects under one key at a time. See
/// docs/decisions/0035-one-job-a-key.md.
extension Books {
    /// The answer to a job that wants to put objects.
    package enum KeyHold: Sendable, Hashable {
        /// It holds all their keys.
        case held
        /// Another job holds one of them, and nothing was noted but since when this one waits: for so many milliseconds
        /// of service of its stage so far.
        case busy(JobKey, waitedMilliseconds: Int64)
    }

    /// Notes objects that a job is about to put, as ``planObjects(_:job:)``, if no other job holds a key of theirs: all
    /// or none. A job that holds a key holds it on.
    ///
    /// - Parameters:
    ///   - row: of a job that has not ended.
    ///   - node: this host. A job whose message another host has taken holds nothing here.
    package func holdKeys(of objects: [JobObject], _ row: JobHead, _ key: JobKey, node: String?) throws -> KeyHold {
        if let holder = try holder(ofKeysOf: objects, job: row.number, node: node) {
            return .busy(holder, waitedMilliseconds: try noteWaiting(row.number, key))
        }
        try planObjects(objects, job: row.number, holding: true)
        try db.run(
            sql: "UPDATE job SET waitsSince = NULL WHERE number = ? AND waitsSince IS NOT NULL",
            arguments: [row.number]
        )
        return .held
    }

    private func holder(ofKeysOf objects: [JobObject], job number: Int64, node: String?) throws -> JobKey? {
        let find = try db.cachedStatement(
            sql: """
                SELECT job.kind, job.id FROM object JOIN job ON job.number = object.job
                WHERE object.objectKey = ?1 AND object.store = ?2 AND object.holds = 1 AND object.job <> ?3
                    AND job.state <> 'finished'
                    AND NOT EXISTS (
                        SELECT 1 FROM claim WHERE claim.kind = job.kind AND claim.id = job.id AND claim.node <> ?4
                            AND (claim.redrives, claim.hop) >= (job.redrives, job.hop))
                    AND NOT EXISTS (
                        SELECT 1 FROM object AS own WHERE own.job = ?3 AND own.store = ?2 AND own.objectKey = ?1
                            AND own.holds = 1)
                LIMIT 1
                """
        )
        for object in objects {
            let arguments: StatementArguments = [Data(object.key.utf8), Data(object.store.utf8), number, node ?? ""]
            guard let row = try Row.fetchOne(find, arguments: arguments) else { continue }
            let idBytes: Data = row[1]
            if let kind = MediaKind(rawValue: row[0]), let id = ByteText(utf8: idBytes) {
                return JobKey(kind: kind, id: id)
            }
        }
        return nil
    }

    /// - Returns: how long it has waited so far.
    private func noteWaiting(_ number: Int64, _ key: JobKey) throws -> Int64 {
        let now =
            try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT milliseconds FROM service WHERE kind = ? AND stage = ?"),
                arguments: [key.kind.rawValue, Stage.upload.rawValue]
            ) ?? 0
        let known = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT waitsSince FROM job WHERE number = ?"),
            arguments: [number]
        )
        guard let since = known else {
            try db.run(sql: "UPDATE job SET waitsSince = ? WHERE number = ?", arguments: [now, number])
            return 0
        }
        return max(now.subtractingReportingOverflow(since).partialValue, 0)
    }

    /// At a start: a job that begins anew puts its objects anew and holds nothing till then. One whose upload is done,
    /// and was not handed over, has put its index.
    func keepKeys(_ row: JobHead, _ message: StageMessage) throws {
        if message.stage == .download {
            try releaseKeys(job: row.number)
        } else if message.stage == .upload, row.stage == .upload, row.step == UpdateStep.completed(.upload) {
            try db.run(
                sql: "UPDATE object SET state = 'put' WHERE job = ? AND name = ? AND state = 'planned'",
                arguments: [row.number, JobObject.indexName]
            )
        }
    }

    /// Holds no key any more. The objects stay noted.
    func releaseKeys(job number: Int64) throws {
        try db.run(
            sql: "UPDATE object SET holds = 0, state = iif(name = ? AND state = 'put', 'planned', state) WHERE job = ?",
            arguments: [JobObject.indexName, number]
        )
        try db.run(
            sql: "UPDATE job SET waitsSince = NULL WHERE number = ? AND waitsSince IS NOT NULL",
            arguments: [number]
        )
    }
}
