internal import JobModel
internal import Settings
internal import Storage

/// Puts files into the store, so many at a time as stage-upload does.
struct Upload {
    private let store: any Store
    private let width: Int

    /// - Parameter partBytes: of parts that are put one after the other, also fewer than `S3_PART_BYTES` may be; nil
    ///   for parts as set.
    init(_ settings: Settings, partBytes: Int64? = nil) throws {
        var storage = settings.storage
        if let partBytes {
            storage.s3.multipartThresholdBytes = partBytes
            storage.s3.partBytes = partBytes
            storage.s3.parallelParts = 1
        }
        store = try Stores(storage).standard
        width = store.gainsByParallelPuts ? storage.s3.parallelOutputs : 1
    }

    func put(_ files: [(path: String, key: String)]) async throws {
        let objects = try files.map { NewObject(path: $0.path, key: try ObjectKey($0.key)) }
        var rest = objects.makeIterator()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<width {
                if let object = rest.next() { group.addTask { _ = try await store.put(object) { _ in } } }
            }
            while try await group.next() != nil {
                if let object = rest.next() { group.addTask { _ = try await store.put(object) { _ in } } }
            }
        }
        try await store.synchronize(objects.map(\.key))
    }
}
