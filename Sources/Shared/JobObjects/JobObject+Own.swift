package import JobModel
package import Storage
package import TempFiles

extension JobObject {
    /// The object with what the ledger knows of it, for a store to tell whether it is still the job's. nil for a row
    /// that names no object, which nothing of ours writes.
    package func own(of job: JobKey, _ tracker: TempFileTracker) -> OwnObject? {
        guard let key = try? ObjectKey(key.string) else { return nil }
        let evidence: OwnObject.Evidence =
            switch state {
            case .put: .put(validator.map { SourceValidator(bytes: $0) })
            case .planned: .planned(path: name.flatMap { try? tracker.file($0, job: job).absolutePath })
            case .told: .told
            }
        return OwnObject(key: key, owner: job.objectOwner, evidence: evidence)
    }
}
