internal import FoundationEssentials
internal import GRDB
package import JobModel

/// Workers that died while they had a job.
extension Books {
    /// Notes the death of the worker that the ledger still names for the job, when another one starts on the job: the
    /// job's lease was free, so that worker is dead. The cause of its death is not known here.
    ///
    /// - Parameter finder: the worker that starts. No death is noted when it is the same one, to which the job came
    ///   back.
    /// - Returns: whether there was one.
    package func noteDeath(of job: JobHead, foundBy finder: WorkerLife?) throws -> Bool {
        guard let dead = job.worker, !dead.utf8.elementsEqual((finder?.text ?? "").utf8) else { return false }
        try db.run(
            sql: "UPDATE job SET deaths = deaths + 1, lastDeath = worker, worker = NULL WHERE number = ?",
            arguments: [job.number]
        )
        return true
    }

    /// Notes how a worker's process ended, if it had a job then.
    ///
    /// - Returns: the jobs that had it.
    package func noteEnd(of worker: WorkerLife, cause: String) throws -> [JobKey] {
        let told = "\(worker.name): \(cause)"
        let jobs = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT number, kind, id FROM job WHERE worker = ?"),
            arguments: [worker.text]
        )
        for job in jobs {
            let number: Int64 = job["number"]
            try db.run(
                sql: "UPDATE job SET deaths = deaths + 1, lastDeath = ?, worker = NULL WHERE number = ?",
                arguments: [told, number]
            )
        }
        // Another start noted the death already, without its cause.
        let sql = "UPDATE event SET detail = ? WHERE what = 'workerDied' AND detail = ?"
        try db.run(sql: sql, arguments: [told, worker.text])
        return jobs.compactMap { job in
            let id: Data = job["id"]
            return MediaKind(rawValue: job["kind"]).map {
                JobKey(kind: $0, id: ByteText(String(decoding: id, as: UTF8.self)))
            }
        }
    }

    /// The deaths of the job's workers, the oldest first.
    package func deaths(job number: Int64) throws -> [JobEvent] {
        let sql = """
            SELECT at, what, stage, hop, detail FROM event WHERE job = ? AND what = 'workerDied' ORDER BY number
            """
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number]).compactMap(JobEvent.init)
    }
}
