internal import JobModel
internal import JobObjects
internal import StageRuntime
internal import Storage
internal import TempFiles

/// The last look at what the job has put: see docs/decisions/0035-one-job-a-key.md.
extension UploadHandler {
    /// Objects that are looked at a time, where that takes less time.
    private static let width = 4

    /// Looks whether all outputs in the store are there and this job's own, right before the index says so. Outputs at
    /// signed URLs cannot be looked at.
    ///
    /// - Returns: false when an earlier run of this message has put the index, after such a look. Another host's job
    ///   may have replaced all of it since, as it may at any time after this job's end.
    /// - Throws: ``StageFailure``, permanent with code `output_replaced`, when one is gone or somebody else's.
    func objectsAreOwn(
        _ ticket: Ticket,
        _ indexKey: ObjectKey?,
        _ places: OutputPlaces,
        _ job: JobContext
    ) async throws -> Bool {
        let store = places.store
        let name = ByteText(store.description)
        let rows = try await job.tracker.objects(job.key).filter { $0.store == name }
        if let index = rows.first(where: { $0.name == JobObject.indexName && $0.state == .put }),
            index.key == indexKey.map({ ByteText($0.rawValue) })
        {
            return false
        }
        let keys = Set(ticket.outputs.indices.filter { places[$0].isStore }.map { ticket.outputs[$0].key })
        let objects = rows.filter { keys.contains($0.key) }.compactMap { $0.own(of: job.key, job.tracker) }
        do {
            guard let lost = try await firstLost(of: objects, in: store, job) else { return true }
            // From the moment it is there, no removal takes what it lists.
            if let indexKey, try await isOwnIndex(indexKey, in: store, job) { return true }
            throw failure(lost.key, lost.isGone, store)
        } catch let error as StorageError {
            throw StageFailure(error)
        }
    }

    /// - Returns: the key of an object that is not this job's any more, and whether nothing is there.
    private func firstLost(
        of objects: [OwnObject],
        in store: any Store,
        _ job: JobContext
    ) async throws -> (key: ObjectKey, isGone: Bool)? {
        var rest = objects.sorted { ByteText($0.key.rawValue) < ByteText($1.key.rawValue) }.makeIterator()
        return try await withThrowingTaskGroup(of: (ObjectKey, ObjectOwnership).self) { group in
            func startNext() {
                guard let object = rest.next() else { return }
                group.addTask { (object.key, try await store.ownership(of: object)) }
            }
            for _ in 0..<(store.gainsByParallelPuts ? Self.width : 1) { startNext() }
            while let (key, ownership) = try await group.next() {
                job.telemetry.noteActivity()
                switch ownership {
                case .own, .unknown: startNext()
                case .foreign, .absent:
                    group.cancelAll()
                    return (key, ownership == .absent)
                }
            }
            return nil
        }
    }

    private func isOwnIndex(_ key: ObjectKey, in store: any Store, _ job: JobContext) async throws -> Bool {
        let limit = Int64(ResultIndex.Listing.maximumBytes)
        guard let bytes = try await store.content(key, atMost: limit) else { return false }
        // One that nobody can read is not this job's.
        return (try? ResultIndex.Listing(parsing: bytes))?.job == job.key
    }

    private func failure(_ key: ObjectKey, _ isGone: Bool, _ store: any Store) -> StageFailure {
        let what = isGone ? "is gone" : "is another job's by now"
        return StageFailure(
            .permanent,
            code: StorageError.Code.outputReplaced.rawValue,
            "the output `\(key)` in \(store.description) \(what): somebody has replaced or removed it before the "
                + "result was complete, as a job with the same `mediaId` on another host does; run one job of a "
                + "medium at a time, or give each a `destination`, and submit this one again"
        )
    }
}
