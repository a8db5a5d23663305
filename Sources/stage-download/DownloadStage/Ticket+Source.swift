internal import JobModel
internal import StageRuntime
internal import Storage

extension Ticket {
    /// The source that the job names: an object of the configured store by its key, or whatever its URL names.
    ///
    /// - Throws: `StageFailure` that says what the job has to name instead.
    func source(_ sources: Sources, _ stores: Stores) throws(StageFailure) -> any Source {
        if let source {
            do throws(StorageError) {
                return try sources.source(source)
            } catch {
                throw StageFailure(.permanent, code: error.code.rawValue, error.message)
            }
        }
        guard let sourceKey else {
            throw StageFailure(
                .permanent,
                code: "no_source",
                "the job names no source; give it an `s3Key` or a `source`"
            )
        }
        do {
            return stores.standard.source(try ObjectKey(sourceKey))
        } catch {
            throw StageFailure(.permanent, code: "invalid_key", "\(error); correct the job's `s3Key`")
        }
    }
}
