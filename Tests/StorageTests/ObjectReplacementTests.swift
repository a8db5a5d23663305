import Dispatch
import Files
import Foundation
import Glibc
import JobModel
import Synchronization
import Testing

@testable import Storage

/// These tests build the remains of a writer that dies while it replaces an object by hand; the crash tests kill one.
@Suite("A writer that died while it replaced an object")
struct ObjectReplacementTests {
    private static let id = "0123456789abcdef"

    /// A store with an object, and the remains of its replacement.
    private func withLeftovers(
        note: [UInt8] = Array("k\0".utf8),
        _ body: (_ store: String, _ object: ObjectKey) async throws -> Void
    ) async throws {
        try await withDirectory { directory in
            let store = directory + "/store"
            for path in [store, store + "/k", store + "/.replacing"] { try #require(mkdir(path, 0o755) == 0) }
            try Data("old".utf8).write(to: URL(filePath: store + "/k/object"))
            try Data("new".utf8).write(to: URL(filePath: store + "/k/.replacing-" + Self.id))
            let path = store + "/.replacing/" + Self.id
            try Data(note).write(to: URL(filePath: path))
            try #require(chmod(path, 0o600) == 0)
            try await body(store, try ObjectKey("k/object"))
        }
    }

    private func paths(_ store: String) throws -> Set<String> {
        Set(try FileManager.default.subpathsOfDirectory(atPath: store))
    }

    @Test("leaves nothing after the next start")
    func start() async throws {
        try await withLeftovers { store, _ in
            _ = try LocalDirectoryStore(creating: store)
            #expect(try paths(store) == ["k", "k/object"])
            #expect(FileManager.default.contents(atPath: store + "/k/object") == Data("old".utf8))
        }
    }

    @Test("leaves nothing after the next replacement, by a process that was there before")
    func nextReplacement() async throws {
        try await withDirectory { directory in
            let store = try LocalDirectoryStore(creating: directory + "/other")
            let key = try ObjectKey("object")
            try Data("new".utf8).write(to: URL(filePath: directory + "/source"))
            try Data("old".utf8).write(to: URL(filePath: directory + "/other/object"))
            try await withLeftovers { left, _ in
                for name in ["k", ".replacing"] {
                    try #require(rename(left + "/" + name, directory + "/other/" + name) == 0)
                }
            }
            _ = try await store.publish(fileAt: directory + "/source", as: key, mimeType: nil) { _ in }
            #expect(try paths(directory + "/other") == ["object", "k", "k/object"])
            #expect(FileManager.default.contents(atPath: directory + "/other/object") == Data("new".utf8))
        }
    }

    @Test("is not taken for dead while it holds its lock, however old its files are")
    func alive() async throws {
        try await withLeftovers { store, _ in
            let note = store + "/.replacing/" + Self.id
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 0)],
                ofItemAtPath: note
            )
            let root = try RootedDirectory(opening: store)
            do {
                let note = try root.openFile(".replacing/" + Self.id, flags: O_RDWR)
                #expect(try note.tryLock())
                #expect(ObjectReplacement(root: root).sweep() == 0)
                #expect(access(store + "/k/.replacing-" + Self.id, F_OK) == 0)
                try note.close()
            }
            #expect(ObjectReplacement(root: root).sweep() == 1)
            #expect(try paths(store) == ["k", "k/object"])
        }
    }

    @Test(
        "costs nothing else its name, whatever stands in its note",
        arguments: ["../outside", "", "k/object", "/", "link"]
    )
    func foreign(_ note: String) async throws {
        try await withLeftovers(note: Array((note + "\0").utf8)) { store, _ in
            let outside = store + "/../outside"
            #expect(mkdir(outside, 0o755) == 0 && symlink("../outside", store + "/link") == 0)
            for path in [outside + "/.replacing-" + Self.id, store + "/k/.replacing-1-2"] {
                try Data("kept".utf8).write(to: URL(filePath: path))
            }
            _ = try LocalDirectoryStore(creating: store)
            #expect(access(outside + "/.replacing-" + Self.id, F_OK) == 0)
            #expect(access(store + "/k/.replacing-1-2", F_OK) == 0 && access(store + "/k/object", F_OK) == 0)
        }
    }

    @Test("that has just made its note, and locks it after somebody looked, keeps it or knows that it is gone")
    func young() async throws {
        try await withDirectory { directory in try race(in: try RootedDirectory(opening: directory)) }
    }

    private final class Flag: Sendable { let isSet = Atomic(false) }

    /// Makes notes while another thread sweeps: some are locked between two steps of its look.
    private func race(in root: RootedDirectory) throws {
        let (isOver, hasEnded) = (Flag(), DispatchSemaphore(value: 0))
        Thread.detachNewThread {
            while !isOver.isSet.load(ordering: .relaxed) { ObjectReplacement(root: root).sweep() }
            hasEnded.signal()
        }
        for number in 0..<1000 {
            let name = ".replacing/" + String(number + (1 << 60), radix: 16)
            guard (try? root.makeDirectory(".replacing", mode: 0o755)) != nil,
                let note = try? root.openFile(name, flags: O_RDWR | O_CREAT | O_EXCL)
            else { continue }
            guard try note.tryLock(), try note.status().linkCount == 1 else { continue }
            // By then a sweep has acted on a note that it has looked at.
            for _ in 0..<20 { sched_yield() }
            #expect(try note.status().linkCount == 1, "the note of a living writer was removed")
            try root.removeFile(name)
        }
        isOver.isSet.store(true, ordering: .relaxed)
        hasEnded.wait()
    }

    @Test("before its note was whole has made no name: only the note goes")
    func unfinished() async throws {
        try await withLeftovers(note: Array("k".utf8)) { store, _ in
            _ = try LocalDirectoryStore(creating: store)
            #expect(access(store + "/.replacing", F_OK) != 0)
        }
    }
}

@Suite("New directories of the store")
struct DirectorySynchronizationTests {
    private final class Recorder: Sendable {
        private let paths = Mutex<[String]>([])
        @Sendable func note(_ path: String) { paths.withLock { $0.append(path) } }
        func take() -> [String] {
            paths.withLock { paths in
                defer { paths = [] }
                return paths
            }
        }
    }

    @Test("are on the device with all that lead to them, and later objects cost one synchronization")
    func chain() async throws {
        try await withDirectory { directory in
            let (recorder, path) = (Recorder(), directory + "/store")
            let store = try LocalDirectoryStore(creating: path, didSynchronize: recorder.note)
            try Data("bytes".utf8).write(to: URL(filePath: directory + "/source"))
            func publish(_ names: String...) async throws -> [String] {
                let keys = try names.map { try ObjectKey($0) }
                for key in keys {
                    _ = try await store.publish(fileAt: directory + "/source", as: key, mimeType: nil) { _ in }
                }
                try await store.synchronize(keys)
                return recorder.take().sorted()
            }
            #expect(try await publish("a/b/c/1", "a/b/c/2") == [path, path + "/a", path + "/a/b", path + "/a/b/c"])
            #expect(try await publish("a/b/c/3") == [path + "/a/b/c"])
            #expect(try await publish("a/x/1") == [path, path + "/a", path + "/a/x"])
            #expect(try await publish("1") == [path])
            // Somebody has put another directory in its place, and may have died before it was on the device.
            #expect(rename(path + "/a", path + "/moved") == 0)
            #expect(try await publish("a/b/c/4") == [path, path + "/a", path + "/a/b", path + "/a/b/c"])
        }
    }

    @Test("that another process made and left behind are not trusted")
    func others() async throws {
        try await withDirectory { directory in
            let (recorder, path) = (Recorder(), directory + "/store")
            let store = try LocalDirectoryStore(creating: path, didSynchronize: recorder.note)
            for name in ["/a", "/a/b"] { try #require(mkdir(path + name, 0o755) == 0) }
            try Data("bytes".utf8).write(to: URL(filePath: directory + "/source"))
            let key = try ObjectKey("a/b/1")
            _ = try await store.publish(fileAt: directory + "/source", as: key, mimeType: nil) { _ in }
            try await store.synchronize([key])
            #expect(recorder.take().sorted() == [path, path + "/a", path + "/a/b"])
        }
    }
}
