internal import CrashPoints
internal import JobModel
internal import JobObjects
internal import Settings
internal import StageRuntime
internal import Storage

/// The result index: see docs/decisions/0029-results-and-removal.md.
extension UploadHandler {
    /// The key of a job's index; nil when none is wanted.
    ///
    /// - Throws: ``StageFailure``, permanent, when an output has the same key: one would replace the other.
    func indexKey(of ticket: Ticket) throws -> ObjectKey? {
        guard let template = settings.resultKeyTemplate else { return nil }
        let key: ObjectKey
        do throws(ObjectKeyError) { key = try template.key(ticket: ticket) } catch {
            throw StageFailure(.permanent, code: "invalid_media_id", "\(error); correct the job's `mediaId`")
        }
        if let output = ticket.outputs.first(where: { $0.key == ByteText(key.rawValue) }) {
            throw StageFailure(
                .permanent,
                code: "key_collision",
                "the result index would have the key of the \(output.kind.rawValue) output "
                    + "\(output.quality ?? ""): `\(key)`; correct RESULT_KEY or the template of the output's key"
            )
        }
        return key
    }

    /// Publishes the result index, once all outputs are in the store to stay. It is made of no file.
    func publishIndex(
        of ticket: Ticket,
        under key: ObjectKey,
        in store: any Store,
        _ job: JobContext
    ) async throws {
        let object = NewObject(
            .bytes(ResultIndex(ticket).json.serialized()),
            key: key,
            contentType: "application/json",
            owner: job.key.objectOwner
        )
        do {
            _ = try await store.put(object) { _ in }
            try await store.synchronize([key])
        } catch let error as StorageError {
            throw StageFailure(error)
        }
        CrashPoint.objectDurable.cross()
    }
}
