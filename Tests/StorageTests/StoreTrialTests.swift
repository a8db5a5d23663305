import Foundation
import Glibc
import Storage
import TestSupport
import Testing

@Suite("A trial of a store")
struct StoreTrialTests {
    @Test("leaves nothing, and finds what keeps outputs from it")
    func trial() async throws {
        try await withDirectory { directory in
            let store = directory + "/store"
            func takes() async throws -> Bool { try await Stores.trial("file://" + store) }
            // The workers make it.
            #expect(try await !takes())
            #expect(mkdir(store, 0o755) == 0)
            #expect(try await takes())
            #expect(try FileManager.default.contentsOfDirectory(atPath: store) == [])
            if SmallDisk.isPossible {
                let disk = try SmallDisk(at: store, mebibytes: 1)
                defer { disk.remove() }
                #expect(try await takes())
                try await disk.fill()
                let full = await #expect(throws: StorageError.self) { try await takes() }
                #expect(full?.message.contains("\(store) cannot be written to: ") == true)
                #expect(full?.message.contains("No space left on device") == true)
                try disk.empty()
                #expect(try await takes())
            }
            if Immutable.isPossible {
                #expect(Immutable.set(store, true))
                let refused = await #expect(throws: StorageError.self) { try await takes() }
                #expect(Immutable.set(store, false))
                #expect(refused?.message.contains("Operation not permitted") == true)
            }
            #expect(rmdir(store) == 0)
            #expect(FileManager.default.createFile(atPath: store, contents: nil))
            await #expect(throws: StorageError.self) { try await takes() }
        }
    }
}
