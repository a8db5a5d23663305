import Foundation
import Glibc
import JobModel
import TestSupport
import Testing

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
        _ = try await tracker.claimFinish(video(), outcome: .completed, token: "t")
        try await tracker.finish(video(), outcome: .completed, record: [])
        lease.release()
        #expect(try await tracker.retryStuckFiles().failures.map(\.path) == [file.absolutePath])
        #expect(try await tracker.stuckFiles().map(\.attempts) == [2])
        #expect(Immutable.set(file.absolutePath, false))
        let report = try await tracker.retryStuckFiles()
        #expect(report.filesCleaned == 1 && report.bytesFreed == 4096)
        #expect(try await tracker.stuckFiles().isEmpty)
        #expect(try lab.leftovers() == [])
    }

    @Test func logOfTheLedgerGivesItsSpaceBack() async throws {
        for index in 0..<50 { _ = try await tracker.recordProgress(video("\(index)"), percent: 1, step: "") }
        let log = lab.workspacePath + "/ledger.sqlite-wal"
        #expect(try size(log) > 0)
        try await tracker.truncateLedgerLog()
        #expect(try size(log) == 0)
        #expect(try await tracker.jobs(limit: 100).count == 50)
    }

    @Test func soundLedgerIsLeftAloneAndADamagedOneSetAside() async throws {
        for index in 0..<500 {
            _ = try await tracker.recordProgress(video("job \(index)"), percent: 1, step: "a step of some length")
        }
        #expect(try await tracker.checkLedger())
        try await tracker.truncateLedgerLog()
        // A page in the middle: opening and writing elsewhere do not meet it.
        let path = lab.workspacePath + "/ledger.sqlite"
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: UInt64(try size(path) / 4096 / 2 * 4096))
        try file.write(contentsOf: Data(repeating: 0xa5, count: 4096))
        try file.close()
        let next = try lab.tracker()
        #expect(!exists(path + ".corrupt-1"))
        #expect(try await !next.checkLedger())
        #expect(exists(path + ".corrupt-1"))
        #expect(try await next.checkLedger())
        #expect(!exists(path + ".corrupt-2"))
    }

    private func size(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    }
}
