import Foundation
import Glibc
import JobModel
import JobStore
import TempFilesSupport
import TestSupport
import Testing

@testable import Ledger
@testable import TempFiles

@Suite struct StuckFileTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    @Test(.enabled(if: Immutable.isPossible, "needs the right to make a file immutable"))
    func areNamedWithTheirErrorUntilTheyAreGone() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("d/stuck", bytes: 4096, job: video())
        #expect(Immutable.set(file.absolutePath, true))
        _ = try await tracker.cleanupJobTempFiles(video())
        let stuck = try await tracker.stuckFiles()
        #expect(stuck == [StuckFile(path: file.absolutePath, job: video(), errno: EPERM, attempts: 1)])
        // The clean-up stage is still at it.
        #expect(try await tracker.retryStuckFiles().failures.isEmpty)
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "end", record: [])
        lease.release()
        #expect(try await tracker.retryStuckFiles().failures.map(\.path) == [file.absolutePath])
        #expect(try await tracker.stuckFiles().map(\.attempts) == [2])
        #expect(Immutable.set(file.absolutePath, false))
        let report = try await tracker.retryStuckFiles()
        #expect(report.filesCleaned == 1 && report.bytesFreed == 4096)
        #expect(try await tracker.stuckFiles().isEmpty)
        #expect(try lab.leftovers() == [])
    }

    // Its workers died over it, so no try to remove the files has come to its end.
    @Test func filesOfACleanUpThatWasGivenUpStayOnTheBooksUntilTheyAreGone() async throws {
        let lease = try await tracker.lease(video())
        let files = [
            try await tracker.makeFile("a", bytes: 4096, job: video()),
            try await tracker.makeFile("b", bytes: 8192, job: video()),
        ]
        let file = NewFile(name: "other", type: .output, description: "")
        _ = try await tracker.trackFile(file, job: video("living"), stage: .process)
        #expect(unlink(files[0].absolutePath) == 0)
        #expect(try await !tracker.hasUntriedFiles())
        let end = try #require(try await tracker.jobs.end(video(), outcome: .completed, token: "t", record: []))
        // The truth at its end, the same whenever it is told again.
        #expect(end.leftFiles == 2 && end.leftBytes == 12_288)
        let other = try lab.tracker()
        #expect(try await other.hasUntriedFiles())
        #expect(try await other.stuckFiles().map(\.path).sorted() == files.map(\.absolutePath))
        #expect(try await other.stuckFiles().map(\.errno) == [nil, nil])
        #expect(try await other.statistics()[.video]?.totalFiles == 3)
        #expect(try await other.jobs.ages().stuckFiles == 2)
        try await other.jobs.addService(.seconds(1_000_000))
        #expect(try await other.jobs.forgetFinishedJobs(olderThan: .zero) == 0)
        lease.release()
        let report = try await other.retryStuckFiles()
        #expect(report.filesCleaned == 1 && report.bytesFreed == 8192)
        #expect(try await !other.hasUntriedFiles())
        #expect(try await other.stuckFiles().isEmpty)
        #expect(try await other.statistics()[.video]?.totalFiles == 1)
        #expect(try await other.jobs.job(video())?.leftFiles == 2)
        #expect(try lab.leftovers().filter { $0.hasPrefix("job-1") } == [])
        #expect(try await other.jobs.forgetFinishedJobs(olderThan: .zero) == 1)
    }

    @Test func logOfTheLedgerGivesItsSpaceBack() async throws {
        for index in 0..<50 { _ = try await tracker.jobs.recordProgress(video("\(index)"), percent: 1, step: "") }
        let log = lab.workspacePath + "/ledger.sqlite-wal"
        #expect(try size(log) > 0)
        try await tracker.jobs.truncateLedgerLog()
        #expect(try size(log) == 0)
        #expect(try await tracker.jobs.jobs(limit: 100).count == 50)
    }

    @Test func soundLedgerIsLeftAloneAndADamagedOneSetAside() async throws {
        for index in 0..<500 {
            _ = try await tracker.jobs.recordProgress(video("job \(index)"), percent: 1, step: "a step of some length")
        }
        #expect(try await tracker.jobs.checkLedger())
        try await tracker.jobs.truncateLedgerLog()
        // A page in the middle: opening and writing elsewhere do not meet it.
        let path = lab.workspacePath + "/ledger.sqlite"
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: UInt64(try size(path) / 4096 / 2 * 4096))
        try file.write(contentsOf: Data(repeating: 0xa5, count: 4096))
        try file.close()
        let next = try lab.tracker()
        #expect(!exists(path + ".corrupt-1"))
        #expect(try await !next.jobs.checkLedger())
        #expect(exists(path + ".corrupt-1"))
        #expect(try await next.jobs.checkLedger())
        #expect(!exists(path + ".corrupt-2"))
    }

    private func size(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    }
}
