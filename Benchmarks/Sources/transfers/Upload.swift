internal import JobModel
internal import Settings
internal import Storage

/// Puts files into the store, so many at a time as stage-upload does.
struct Upload {
    private let store: any Store
    private let width: Int

    init(_ settings: Settings) throws {
        store = try Stores(settings.storage).standard
        width = store.gainsByParallelPuts ? settings.storage.s3.parallelOutputs : 1
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
