internal import Foundation
package import JobModel
package import Storage
internal import Synchronization

/// An object store in memory, which fails on order.
package final class MemoryStore: Store {
    package struct Object: Sendable, Equatable {
        package var bytes: [UInt8]
        package var contentType: String?
        package var metadata: [String: String] = [:]
        /// Whether ``MemoryStore/synchronize(_:)`` has been called for it.
        package var isDurable = false
    }

    package enum Call: Sendable, Hashable {
        case check
        case probe
        case fetch
        case put
        case synchronize
        case delete
    }

    private struct State {
        var objects: [ObjectKey: Object] = [:]
        var failures: [Call: [StorageFault]] = [:]
        var calls: [Call] = []
        var uploads: [OpenUpload] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var description: String { "memory:" }

    package var objects: [ObjectKey: Object] {
        get { state.withLock { $0.objects } }
        set { state.withLock { $0.objects = newValue } }
    }

    /// Uploads in parts that somebody has begun.
    package var uploads: [OpenUpload] {
        get { state.withLock { $0.uploads } }
        set { state.withLock { $0.uploads = newValue } }
    }

    package func openUploads() async throws -> [OpenUpload] { uploads }

    package func abort(_ upload: OpenUpload) async throws {
        state.withLock { $0.uploads.removeAll { ($0.key, $0.id) == (upload.key, upload.id) } }
    }

    /// All calls so far, in their order.
    package var calls: [Call] { state.withLock { $0.calls } }

    /// Has the next call of this kind fail. Several orders are for several calls.
    package func fail(_ call: Call, _ fault: StorageFault) {
        state.withLock { $0.failures[call, default: []].append(fault) }
    }

    /// Notes a call, and takes the fault that is ordered for it.
    private func enter(_ call: Call) -> StorageFault? {
        state.withLock { state in
            state.calls.append(call)
            guard var faults = state.failures[call], !faults.isEmpty else { return nil }
            let fault = faults.removeFirst()
            state.failures[call] = faults
            return fault
        }
    }

    package func check(_ key: ObjectKey) throws(StorageError) {
        if let fault = enter(.check) { throw fault.error }
    }

    package func source(_ key: ObjectKey) -> any Source {
        MemorySource(
            name: "\(key)",
            content: { [self] in state.withLock { $0.objects[key]?.bytes } },
            fault: { [self] isFetch in enter(isFetch ? .fetch : .probe) }
        )
    }

    package func facts(_ key: ObjectKey) async throws -> SourceFacts? {
        objects[key] == nil ? nil : try await source(key).probe()
    }

    package func put(
        _ object: NewObject,
        didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> PublishedObject {
        let fault = enter(.put)
        let bytes =
            switch object.content {
            case .file(let path): [UInt8](try Data(contentsOf: URL(filePath: path)))
            case .bytes(let bytes): bytes
            }
        for end in stride(from: 0, through: bytes.count, by: max(bytes.count / 4, 1)) {
            try Task.checkCancellation()
            if let fault, Int64(end) >= fault.afterBytes { throw fault.error }
            try didWrite(Int64(end))
        }
        try didWrite(Int64(bytes.count))
        if let fault { throw fault.error }
        state.withLock {
            $0.objects[object.key] = Object(bytes: bytes, contentType: object.contentType, metadata: object.metadata)
        }
        return PublishedObject(sizeBytes: Int64(bytes.count), location: "memory:" + object.key.rawValue)
    }

    package func synchronize(_ keys: [ObjectKey]) async throws {
        if let fault = enter(.synchronize) { throw fault.error }
        state.withLock { state in
            for key in keys { state.objects[key]?.isDurable = true }
        }
    }

    package func delete(_ key: ObjectKey) async throws -> Bool {
        if let fault = enter(.delete) { throw fault.error }
        return state.withLock { $0.objects.removeValue(forKey: key) != nil }
    }
}

/// An order to fail.
package struct StorageFault: Sendable {
    package var error: StorageError
    /// The bytes that a transfer moves before it fails.
    package var afterBytes: Int64

    package init(_ error: StorageError, afterBytes: Int64 = 0) {
        self.error = error
        self.afterBytes = afterBytes
    }

    /// The network went away.
    package static func transient(afterBytes: Int64 = 0, retryAfter: Duration? = nil) -> Self {
        Self(
            StorageError(
                code: .ioFailure,
                message: "the memory store failed on order",
                verdict: .transient,
                retryAfter: retryAfter
            ),
            afterBytes: afterBytes
        )
    }
}
