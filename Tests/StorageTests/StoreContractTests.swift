import Foundation
import HTTPClient
import JobModel
import Storage
import Synchronization
import TestSupport
import Testing

/// A kind of store, as the contract of ``Store`` knows it. Another kind is another case.
enum StoreUnderTest: CaseIterable, Sendable {
    case directory
    case memory
    case bucket
    case swiftBucket

    /// Runs `body` with an empty store and a directory for files.
    func run(_ body: (_ store: any Store, _ directory: String) async throws -> Void) async throws {
        try await withDirectory { directory in
            let store: any Store =
                switch self {
                case .directory: try LocalDirectoryStore(creating: directory + "/store")
                case .memory: MemoryStore()
                case .bucket: try await S3Lab().store(connections: WebConnections())
                case .swiftBucket: try await S3Lab(.swift).store(connections: WebConnections())
                }
            try await body(store, directory)
        }
    }
}

@Suite("Every kind of store")
struct StoreContractTests {
    private func file(_ text: String, in directory: String) throws -> String {
        let path = directory + "/" + UUID().uuidString
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func content(_ store: any Store, _ key: ObjectKey) async throws -> String {
        let bytes = Mutex<[UInt8]>([])
        try await store.read(key) { piece in bytes.withLock { $0 += Array(piece) } }
        return bytes.withLock { String(decoding: $0, as: UTF8.self) }
    }

    @Test("holds what was put there, and the last of two under one key", arguments: StoreUnderTest.allCases)
    func putting(_ kind: StoreUnderTest) async throws {
        try await kind.run { store, directory in
            let key = try ObjectKey("a/b.txt")
            #expect(try await store.facts(key) == nil)
            var validators: Set<SourceValidator> = []
            for text in ["first", "second one"] {
                let object = NewObject(path: try file(text, in: directory), key: key, contentType: "text/plain")
                let reported = Mutex<Int64>(0)
                let published = try await store.put(object) { written in reported.withLock { $0 = written } }
                #expect(published.sizeBytes == Int64(text.utf8.count) && published.location.hasSuffix("a/b.txt"))
                #expect(reported.withLock { $0 } == published.sizeBytes)
                try await store.synchronize([key])
                #expect(try await content(store, key) == text)
                let facts = try #require(try await store.facts(key))
                #expect(facts.sizeBytes == published.sizeBytes)
                validators.insert(try #require(facts.validator))
            }
            #expect(validators.count == 2)
        }
    }

    @Test("takes bytes of which there is no file", arguments: StoreUnderTest.allCases)
    func bytes(_ kind: StoreUnderTest) async throws {
        try await kind.run { store, directory in
            let key = try ObjectKey("m/result.json")
            for text in ["{}", "", String(repeating: "text ", count: 40_000)] {
                let published = try await store.put(NewObject(.bytes(Array(text.utf8)), key: key)) { _ in }
                #expect(published.sizeBytes == Int64(text.utf8.count))
                try await store.synchronize([key])
                #expect(try await content(store, key) == text)
            }
        }
    }

    @Test("publishes nothing when the putting ends early", arguments: StoreUnderTest.allCases)
    func refusal(_ kind: StoreUnderTest) async throws {
        struct Enough: Error {}
        try await kind.run { store, directory in
            let object = NewObject(path: try file("text", in: directory), key: try ObjectKey("k"))
            await #expect(throws: Enough.self) { try await store.put(object) { _ in throw Enough() } }
            #expect(try await store.facts(object.key) == nil)
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                do {
                    _ = try await store.put(object) { _ in }
                    return false
                } catch {
                    return error is CancellationError
                }
            }
            #expect(await task.value)
            #expect(try await store.facts(object.key) == nil)
        }
    }

    @Test("deletes an object once", arguments: StoreUnderTest.allCases)
    func deleting(_ kind: StoreUnderTest) async throws {
        try await kind.run { store, directory in
            let key = try ObjectKey("a/b")
            #expect(try await !store.delete(key))
            _ = try await store.put(NewObject(path: try file("x", in: directory), key: key)) { _ in }
            #expect(try await store.delete(key))
            #expect(try await !store.delete(key))
            await #expect {
                try await store.read(key) { _ in }
            } throws: { error in
                let error = error as? StorageError
                return error?.code == .notFound && error?.verdict == .sourceGone
            }
        }
    }
}

@Suite("The memory store")
struct MemoryStoreTests {
    @Test("fails on order, once for each order, and after as many bytes")
    func faults() async throws {
        try await withDirectory { directory in
            let path = directory + "/file"
            try Data(repeating: 1, count: 1000).write(to: URL(filePath: path))
            let (store, key) = (MemoryStore(), try ObjectKey("k"))
            store.fail(.put, .transient(afterBytes: 500, retryAfter: .seconds(3)))
            let reported = Mutex<Int64>(0)
            await #expect {
                try await store.put(NewObject(path: path, key: key)) { written in reported.withLock { $0 = written } }
            } throws: { error in
                (error as? StorageError)?.retryAfter == .seconds(3)
            }
            #expect(reported.withLock { $0 } == 250 && store.objects.isEmpty)
            _ = try await store.put(NewObject(path: path, key: key)) { _ in }
            store.fail(.fetch, .transient(afterBytes: 100))
            let read = Mutex(0)
            await #expect(throws: StorageError.self) {
                try await store.read(key) { piece in read.withLock { $0 += piece.count } }
            }
            #expect(read.withLock { $0 } == 100)
            try await store.read(key) { piece in read.withLock { $0 += piece.count } }
            #expect(read.withLock { $0 } == 1100)
            #expect(store.calls == [.put, .put, .fetch, .fetch])
            #expect(store.objects[key]?.isDurable == false)
            try await store.synchronize([key])
            #expect(store.objects[key]?.isDurable == true)
        }
    }
}
