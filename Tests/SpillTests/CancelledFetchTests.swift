import Foundation
import JobModel
import Spill
import Synchronization
import TempFiles
import TempFilesSupport
import Testing

@Suite("A fetch of spilled files that is cancelled", .timeLimit(.minutes(5)))
struct CancelledFetchTests {
    typealias Kind = SpillLab.Kind

    /// The real store, which stops after the first piece of an object until the test lets it go on, and counts.
    private final class HeldStore: SpillStore {
        private let store: any SpillStore
        private let counts = Mutex((bytes: 0, fetches: 0))
        private let goOn = DispatchSemaphore(value: 0)
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)

        init(_ store: any SpillStore) { self.store = store }

        var bytes: Int { counts.withLock { $0.bytes } }
        var fetches: Int { counts.withLock { $0.fetches } }

        func release() { goOn.signal() }

        func put(_ path: String, sizeBytes: Int64, sha256: [UInt8], as key: String, in url: String) async throws {
            try await store.put(path, sizeBytes: sizeBytes, sha256: sha256, as: key, in: url)
        }

        func fetch(
            _ key: String,
            sizeBytes: Int64,
            from url: String,
            into write: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
        ) async throws {
            counts.withLock { $0.fetches += 1 }
            try await store.fetch(key, sizeBytes: sizeBytes, from: url) { [self] piece in
                let isFirst = counts.withLock { counts in
                    defer { counts.bytes += piece.count }
                    return counts.bytes == 0
                }
                try write(piece)
                guard isFirst else { return }
                beginning.yield()
                goOn.wait()
            }
        }

        func delete(_ key: String, in url: String) async throws { try await store.delete(key, in: url) }

        func list(_ folder: String, in url: String) async throws -> [SpillListing] {
            try await store.list(folder, in: url)
        }
    }

    @Test(
        "reads no more than the piece it is at, asks for no further file, and leaves nothing",
        arguments: Kind.allCases
    )
    func cancelled(_ kind: Kind) async throws {
        let it = try await SpillLab(kind)
        let content = SpillLab.noise(SpillLab.size)
        let paths = [
            try await it.waitingFile("one", content, job: video()),
            try await it.waitingFile("two", content, job: video("other")),
        ]
        try await it.spill()
        let objects = try await it.keys()
        try #require(objects.count == 2)
        let held = HeldStore(it.store)
        let path = paths[0]
        let task = Task { try await it.fetch(video(), [path], from: held) }
        for await _ in held.begun { break }
        let before = held.bytes
        task.cancel()
        held.release()
        await #expect(throws: CancellationError.self) { try await task.value }
        // One piece may be under way. libcurl's have 256 KiB, those of a directory 1 MiB.
        #expect(held.fetches == 1 && held.bytes - before <= 1 << 20, "\(before) then \(held.bytes)")
        #expect(held.bytes < content.count / 2)
        let left = try it.lab.leftovers()
        #expect(left.allSatisfy { !$0.hasSuffix("one") }, "\(left)")
        #expect(try await it.tracker.reservedBytes() == 0)
        #expect(try await it.keys() == objects)
        #expect(try await it.tracker.jobTempFiles(video()).first?.spill != nil)
        #expect(try await it.tracker.spillFigures().total.failures == 0)
        // It is as if it had not been tried.
        let again = try await it.fetch(video(), [path])
        #expect(again.files == 1 && again.sizeBytes == content.count)
        #expect(it.contents(path) == content)
    }
}
