import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("The watch of the object store")
struct StoreWatchTests {
    private let scratch = Scratch()

    /// Runs `body` beside a watch that looks all the time.
    private func watching(
        _ path: @escaping @autoclosure @Sendable () -> String,
        _ body: (StoreWatch) async throws -> Void
    ) async throws {
        let watch = StoreWatch(
            url: { "file://" + path() },
            patience: .milliseconds(300),
            interval: .milliseconds(5),
            logger: TestBroker.logger
        )
        let running = Task { await watch.run() }
        do {
            try await body(watch)
        } catch {
            running.cancel()
            throw error
        }
        running.cancel()
        // Not kept by a look that hangs.
        await running.value
    }

    @Test("says what is wrong with it, and no more once that is cured")
    func troubles() async throws {
        let store = scratch.path + "/store"
        try await watching(store) { watch in
            try await eventually("it has looked") { watch.looks > 1 }
            #expect(watch.problem == nil)
            #expect(mkdir(store, 0o755) == 0)
            let before = watch.looks
            try await eventually("it has seen the directory") { watch.looks > before + 1 }
            #expect(rmdir(store) == 0)
            try await eventually("it misses it") { watch.problem?.contains("its directory is gone") == true }
            #expect(FileManager.default.createFile(atPath: store, contents: nil))
            try await eventually("it cannot write") { watch.problem?.contains("cannot be written to") == true }
            #expect(unlink(store) == 0 && mkdir(store, 0o755) == 0)
            try await eventually("it is well") { watch.problem == nil }
            #expect(try FileManager.default.contentsOfDirectory(atPath: store) == [])
        }
    }

    @Test("waits for no store that hangs, looks at it once, and goes on when it is back")
    func hangs() async throws {
        guard let disk = try await FrozenDisk(scratch.path) else { return }
        let store = Mutex(disk.path)
        try await watching(store.withLock { $0 }) { watch in
            try await eventually("it has looked") { watch.looks > 1 }
            #expect(watch.problem == nil)
            try await disk.freeze()
            defer { disk.thaw() }
            try await eventually("it hangs") { watch.problem?.contains("it has not answered for more than") == true }
            let stuck = watch.looks
            try await Task.sleep(for: .milliseconds(100))
            #expect(watch.looks == stuck)
            // Another store is no prisoner of this one.
            store.withLock { $0 = scratch.path }
            try await eventually("the other is well") { watch.problem == nil && watch.looks > stuck }
            store.withLock { $0 = disk.path }
            try await eventually("it hangs again") { watch.problem != nil }
            disk.thaw()
            try await eventually("it is back") { watch.problem == nil }
        }
        await disk.remove()
    }
}

/// A file system of its own in a file, which can be made to hang.
private struct FrozenDisk {
    let path: String

    /// nil where this user may not mount one.
    init?(_ directory: String) async throws {
        path = directory + "/disk"
        let image = directory + "/image"
        let script = #"truncate -s 8M "$1" && mkfs.ext4 -q "$1" && mkdir "$2" && mount -o loop "$1" "$2""#
        do {
            try await ChildProcess.run("sh", ["-c", script, "sh", image, path])
        } catch {
            print("no file system can be mounted here: \(error)")
            return nil
        }
    }

    func freeze() async throws { try await ChildProcess.run("fsfreeze", ["--freeze", path]) }

    /// FITHAW of <linux/fs.h>. Again does nothing.
    func thaw() {
        let directory = open(path, O_RDONLY | O_CLOEXEC)
        _ = ioctl(directory, 0xC004_5878)
        close(directory)
    }

    func remove() async { _ = try? await ChildProcess.run("umount", ["--lazy", path]) }
}
