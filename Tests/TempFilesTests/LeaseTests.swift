import Files
import Foundation
import Glibc
import JobModel
import JobStore
import TempFilesSupport
import Testing
import Threads

@testable import Ledger
@testable import TempFiles

@Suite struct LeaseTests {
    let lab: Lab
    init() throws { lab = try Lab() }

    @Test func isHeldByOneOfTwoTrackers() async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        let lease = try await first.lease(video())
        guard case .held = try await second.acquireLease(video(), timeout: .zero) else {
            Issue.record("two hold the lease")
            return
        }
        guard case .acquired = try await second.acquireLease(image(), timeout: .zero) else {
            Issue.record("the other kind's job of the same id is another job")
            return
        }
        lease.release()
        lease.release()
        _ = try await second.lease(video())
    }

    @Test func isHeldOnceWithinOneTrackerToo() async throws {
        let tracker = try lab.tracker()
        let lease = try await tracker.lease(video())
        guard case .held = try await tracker.acquireLease(video(), timeout: .milliseconds(30)) else {
            Issue.record("held twice")
            return
        }
        lease.release()
    }

    @Test(.timeLimit(.minutes(1))) func isNotWaitedForByALateDuplicate() async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        let lease = try await first.lease(video())
        _ = try await first.jobs.begin(
            video(),
            StageMessage(stage: .process, hop: 1, mediaID: "m", manifest: nil, content: [1])
        )
        for content: [UInt8]? in [nil, [1]] {
            let duplicate = StageMessage(stage: .download, hop: 0, mediaID: "m", manifest: nil, content: content)
            guard case .stale(1) = try await second.jobs.enter(video(), duplicate, timeout: .seconds(3600)) else {
                Issue.record("a late duplicate is not known as one")
                return
            }
        }
        let other = StageMessage(stage: .download, hop: 1000, mediaID: "m", manifest: nil, content: [2])
        guard case .otherContent = try await second.jobs.enter(video(), other, timeout: .seconds(3600)) else {
            Issue.record("the message of another job waits")
            return
        }
        lease.release()
    }

    @Test func endsWithItsObject() async throws {
        let tracker = try lab.tracker()
        do { _ = try await tracker.lease(video()) }
        _ = try await tracker.lease(video())
    }

    @Test func rowIsCommittedBeforeTheDirectoryIsMade() async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        let lease = try await first.lease(video("../../etc"))
        #expect(try await second.jobs.job(video("../../etc"))?.state == .active)
        #expect(exists(first.workspace.path + "/" + first.workspace.directory(of: lease.job) + "/.lease"))
        #expect(!exists(lab.temporaryDirectory + "/etc"))
    }

    @Test(arguments: [
        "../../etc", "a/b", "", "🎬🎬", "a\0b", "a\0c", "'; DROP TABLE job; --", String(repeating: "j", count: 128),
    ])
    func anyIDHasALeaseAndARow(_ id: String) async throws {
        let tracker = try lab.tracker()
        let lease = try await tracker.lease(video(id))
        try await tracker.makeFile("x", bytes: 3, job: video(id))
        #expect(try await tracker.jobs.job(video(id))?.id == ByteText(id))
        #expect(try await tracker.jobs.jobs(limit: 10).map(\.id) == [ByteText(id)])
        #expect(try await tracker.cleanupJobTempFiles(video(id)).filesCleaned == 1)
        lease.release()
        #expect(try lab.leftovers() == [])
    }

    // Nothing but the event ends this wait in time: the pauses are far longer.
    @Test func waiterIsWokenByTheEndOfTheHolder() async throws {
        let tracker = try lab.tracker()
        let lease = try await tracker.lease(video())
        let waiter = try slowWaiter(tracker)
        async let outcome = OwnThread.run { () throws(TempFileError) in
            try onFileSystem { () throws(FileSystemError) in try waiter.run() }
        }
        try await untilWatched(tracker, watchers: 1)
        let start = ContinuousClock.now
        lease.release()
        guard case .locked = try await outcome else {
            Issue.record("not handed over")
            return
        }
        #expect(ContinuousClock.now - start < Self.longPause / 2)
    }

    @Test func waiterIsWokenWhenTheHoldersProcessIsKilled() async throws {
        let tracker = try lab.tracker()
        (try await tracker.lease(video())).release()
        let holder = try HolderProcess(path: tracker.workspace.absolutePath(of: ".lease", job: video()))
        guard case .held = try await tracker.acquireLease(video(), timeout: .zero) else {
            Issue.record("the other process does not hold the lease")
            return
        }
        let waiter = try slowWaiter(tracker)
        async let outcome = OwnThread.run { () throws(TempFileError) in
            try onFileSystem { () throws(FileSystemError) in try waiter.run() }
        }
        try await untilWatched(tracker, watchers: 1)
        let start = ContinuousClock.now
        holder.kill()
        guard case .locked = try await outcome else {
            Issue.record("not handed over")
            return
        }
        #expect(ContinuousClock.now - start < Self.longPause / 2)
    }

    @Test func waiterWhoseLeaseFileWasRemovedGetsTheNewOne() async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        let lease = try await first.lease(video())
        let waiting = Task { try await second.acquireLease(video(), timeout: .seconds(50)) }
        try await untilWatched(first, watchers: 1)
        lease.releaseRemovingEmptyDirectory()
        guard case .acquired(let next) = try await waiting.value else {
            Issue.record("not handed over")
            return
        }
        // A lock on the removed file would keep nobody out.
        guard case .held = try await first.acquireLease(video(), timeout: .zero) else {
            Issue.record("two hold the lease")
            return
        }
        next.release()
    }

    @Test func manyWaitersGetItOneAfterTheOther() async throws {
        let trackers = try (0..<4).map { _ in try lab.tracker() }
        let inside = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<24 {
                group.addTask {
                    let tracker = trackers[index % trackers.count]
                    guard case .acquired(let lease) = try await tracker.acquireLease(video(), timeout: .seconds(50))
                    else {
                        throw LabError(message: "no lease within the time")
                    }
                    #expect(inside.enter() == 1)
                    await Task.yield()
                    inside.leave()
                    // Some take the directory away, so that those that wait must start over.
                    if index % 3 == 0 { lease.releaseRemovingEmptyDirectory() } else { lease.release() }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func waitEndsAtItsTimeout() async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        let lease = try await first.lease(video())
        let start = ContinuousClock.now
        guard case .held = try await second.acquireLease(video(), timeout: .milliseconds(80)) else {
            Issue.record("two hold the lease")
            return
        }
        #expect(ContinuousClock.now - start >= .milliseconds(80))
        lease.release()
    }

    @Test(arguments: [Duration.zero, .nanoseconds(1), .milliseconds(1), .milliseconds(3), .seconds(-5)])
    func shortestWaitsEndToo(_ timeout: Duration) async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        let lease = try await first.lease(video())
        for _ in 0..<10 {
            guard case .held = try await second.acquireLease(video(), timeout: timeout) else {
                Issue.record("two hold the lease")
                return
            }
        }
        lease.release()
    }

    // A negative timeout would be endless.
    @Test(arguments: [
        (Duration.zero, CInt(0)), (.nanoseconds(-1), 0), (.milliseconds(-4), 0), (.seconds(-9), 0),
        (.nanoseconds(1), 1),
        (.milliseconds(999), 1000), (.milliseconds(1500), 1501), (.seconds(Int64.max), 1_000_000),
    ])
    func restOfAWaitIsNeverNegative(_ rest: Duration, _ milliseconds: CInt) {
        #expect(LeaseWaiter.milliseconds(rest) == milliseconds)
    }

    @Test(arguments: [Duration.seconds(Int64.max), .seconds(3600)])
    func waitEndsWhenItsTaskIsCancelled(_ timeout: Duration) async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        let lease = try await first.lease(video())
        let waiting = Task { try await second.acquireLease(video(), timeout: timeout) }
        try await untilWatched(first, watchers: 1)
        waiting.cancel()
        let error = await failure { _ = try await waiting.value }
        #expect(error?.code == .cancelled)
        lease.release()
    }

    @Test func finishedJobHasNoLeaseAndNothingOnDisk() async throws {
        let tracker = try lab.tracker()
        _ = try await tracker.jobs.end(video(), outcome: .failed, token: "end", record: [])
        guard case .finished(.failed) = try await tracker.acquireLease(video(), timeout: .zero) else {
            Issue.record("a finished job was begun again")
            return
        }
        #expect(try lab.leftovers() == [])
    }

    @Test func waiterLearnsThatTheJobWasFinishedAndCleanedUpMeanwhile() async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        let lease = try await first.lease(video())
        let waiting = Task { try await second.acquireLease(video(), timeout: .seconds(50)) }
        try await untilWatched(first, watchers: 1)
        _ = try await first.cleanupJobTempFiles(video())
        _ = try await first.jobs.end(video(), outcome: .completed, token: "end", record: [])
        lease.release()
        guard case .finished(.completed) = try await waiting.value else {
            Issue.record("a finished job was begun again")
            return
        }
        #expect(try lab.leftovers() == [])
    }

    @Test func releaseRemovesADirectoryThatHoldsNothingElse() async throws {
        let tracker = try lab.tracker()
        try await tracker.lease(video("empty")).releaseRemovingEmptyDirectory()
        let lease = try await tracker.lease(video("used"))
        try await tracker.makeFile("x", bytes: 1, job: video("used"))
        lease.releaseRemovingEmptyDirectory()
        #expect(try lab.leftovers() == ["used", "used/.lease", "used/x"])
    }

    @Test(arguments: ["link to a file", "dangling link", "pipe", "directory"])
    func whatIsPlantedInPlaceOfTheLeaseFileIsPutOutOfTheWay(_ plant: String) async throws {
        let tracker = try lab.tracker()
        let target = try lab.outsideFile("target")
        let directory = tracker.workspace.path + "/jobs/video/job-1"
        #expect(mkdir(directory, 0o700) == 0)
        let path = directory + "/.lease"
        switch plant {
        case "link to a file": #expect(symlink(target, path) == 0)
        case "dangling link": #expect(symlink(lab.temporaryDirectory + "/none", path) == 0)
        case "pipe": #expect(mkfifo(path, 0o600) == 0)
        default: #expect(mkdir(path, 0o700) == 0 && symlink(target, path + "/x") == 0)
        }
        let lease = try await tracker.lease(video())
        _ = try await tracker.cleanupJobTempFiles(video())
        lease.release()
        #expect(try lab.leftovers() == [])
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "not ours")
        #expect(!exists(lab.temporaryDirectory + "/none"))
    }

    @Test func linkInPlaceOfTheDirectoryIsPutOutOfTheWay() async throws {
        let tracker = try lab.tracker()
        let outside = lab.temporaryDirectory + "/outside"
        #expect(mkdir(outside, 0o700) == 0)
        #expect(symlink(outside, tracker.workspace.path + "/jobs/video/job-1") == 0)
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("x", bytes: 1, job: video())
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == [])
        lease.release()
    }

    /// Longer than any machine takes to wake a thread: who is awake after half of it was woken by the event.
    private static let longPause = Duration.seconds(120)

    private func slowWaiter(_ tracker: TempFileTracker) throws -> LeaseWaiter {
        LeaseWaiter(
            root: tracker.workspace.root,
            directory: tracker.workspace.directory(of: video()),
            makesDirectory: true,
            deadline: ContinuousClock.now + Self.longPause,
            wake: nil,
            firstPauseMilliseconds: LeaseWaiter.milliseconds(Self.longPause),
            longestPauseMilliseconds: LeaseWaiter.milliseconds(Self.longPause)
        )
    }

    /// Returns when so many inotify watches of this process are on the lease file of ``video(_:)``.
    private func untilWatched(_ tracker: TempFileTracker, watchers: Int) async throws {
        let path = tracker.workspace.directory(of: video()) + "/.lease"
        let inode = try #require(try tracker.workspace.root.status(path)).inode
        let wanted = "ino:" + String(inode, radix: 16) + " "
        while true {
            let infos = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fdinfo")) ?? []
            let found = infos.filter {
                let text = (try? String(contentsOfFile: "/proc/self/fdinfo/" + $0, encoding: .utf8)) ?? ""
                return text.contains("inotify wd:") && text.contains(wanted)
            }
            if found.count >= watchers { return }
            await Task.yield()
        }
    }
}

/// The number of holders at a time.
private final class Counter: Sendable {
    private let lock = NSLock()
    private nonisolated(unsafe) var count = 0  // Read and written under `lock` only.
    func enter() -> Int {
        lock.withLock {
            count += 1
            return count
        }
    }
    func leave() { lock.withLock { count -= 1 } }
}
