internal import JobModel
package import Settings
package import Storage
internal import Synchronization
package import TempFiles

/// The stores that spilled files are in, by the URLs that the ledger has of them: that of `SPILL_URL`, and what it was
/// before.
package final class SpillStores: SpillStore {
    package typealias Opening = @Sendable (String, StorageSettings) throws(StorageError) -> any StoreKind

    private let settings: StorageSettings
    private let open: Opening
    private let opened = Mutex<[ByteText: any StoreKind]>([:])

    /// - Parameter open: makes the store of a URL.
    package init(_ settings: Settings, opening open: @escaping Opening = { try Stores.forTempFiles($0, $1) }) {
        self.settings = settings.storage
        self.open = open
    }

    package func put(
        _ path: String,
        sizeBytes: Int64,
        sha256: [UInt8],
        as key: String,
        in store: String
    ) async throws {
        try await onStore(store, key) { store, key in
            var object = NewObject(path: path, key: key, contentType: "application/octet-stream")
            object.isCopied = true
            let published = try await store.put(object) { _ in }
            try await store.synchronize([key])
            // The store has compared what it took with what it got; this is what it keeps.
            let facts = try await store.facts(key)
            guard published.sizeBytes == sizeBytes, let facts, facts.sizeBytes ?? sizeBytes == sizeBytes,
                facts.checksums.allSatisfy({ $0.algorithm != .sha256 || $0.value == sha256 })
            else {
                throw SpillError(.transient, "the object `\(key)` in \(store) is not what was put there")
            }
        }
    }

    package func fetch(
        _ key: String,
        sizeBytes: Int64,
        from store: String,
        into write: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws {
        try await onStore(store, key) { store, key in
            _ = try await store.source(key).fetch(
                FetchRequest(limitBytes: sizeBytes),
                into: SpillSink(sizeBytes: sizeBytes, write)
            )
        }
    }

    package func delete(_ key: String, in store: String) async throws {
        try await onStore(store, key) { store, key in
            _ = try await store.delete(key)
            try await store.removeRemains(of: key)
        }
    }

    package func list(_ folder: String, in store: String) async throws -> [SpillListing] {
        try await onStore(store) { store in
            try await store.list(folder.isEmpty ? "" : folder + "/").map {
                SpillListing(key: $0.key.rawValue, sizeBytes: $0.sizeBytes)
            }
        }
    }

    private func onStore<R>(
        _ url: String,
        _ key: String,
        _ body: (any StoreKind, ObjectKey) async throws -> R
    ) async throws -> R {
        try await onStore(url) { store in
            do throws(ObjectKeyError) { _ = try ObjectKey(key) } catch {
                throw SpillError(.permanent, "\(error); shorten SPILL_URL")
            }
            return try await body(store, try ObjectKey(key))
        }
    }

    private func onStore<R>(_ url: String, _ body: (any StoreKind) async throws -> R) async throws -> R {
        do {
            return try await body(try store(url))
        } catch let error as StorageError {
            throw SpillError(error)
        }
    }

    /// Opened at the first use: a worker may never need it.
    private func store(_ url: String) throws(StorageError) -> any StoreKind {
        if let known = opened.withLock({ $0[ByteText(url)] }) { return known }
        let store = try open(url, settings)
        opened.withLock { $0[ByteText(url)] = store }
        return store
    }
}

extension SpillError {
    init(_ error: StorageError) {
        let verdict: Verdict =
            switch error.verdict {
            case .sourceGone: .lost
            case .transient: error.isHostAway || error.code == .storeUnavailable ? .away : .transient
            // The object is another one than was put: larger, or changed.
            case .permanent: error.code == .tooLarge || error.code == .changed ? .lost : .permanent
            }
        self.init(verdict, "the spill store: " + error.message, retryAfter: error.retryAfter)
    }
}

/// Takes an object from its beginning.
private struct SpillSink: SourceSink {
    private let sizeBytes: Int64
    private let take: @Sendable (UnsafeRawBufferPointer) throws -> Void

    init(sizeBytes: Int64, _ take: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) {
        self.sizeBytes = sizeBytes
        self.take = take
    }

    func begin(_ facts: SourceFacts, at start: Int64) throws {
        guard start == 0, facts.sizeBytes ?? sizeBytes == sizeBytes else {
            throw SpillError(.lost, "the object has \(facts.sizeBytes ?? 0) bytes, and \(sizeBytes) are expected")
        }
    }

    func write(_ piece: UnsafeRawBufferPointer) throws { try take(piece) }
}
