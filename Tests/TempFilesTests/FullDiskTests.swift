import Files
import Foundation
import Glibc
import JobModel
import JobStore
import TempFilesSupport
import TestSupport
import Testing

@testable import Ledger
@testable import TempFiles

/// A file system of its own that other programs have filled to the last byte.
@Suite(.enabled(if: SmallDisk.isPossible, "needs the right to mount"))
final class FullDiskTests: Sendable {
    let lab: Lab
    let disk: SmallDisk

    init() throws {
        lab = try Lab()
        disk = try SmallDisk(at: lab.temporaryDirectory, mebibytes: 40)
    }

    deinit { disk.remove() }

    private var reserve: String { lab.workspacePath + "/ledger.reserve" }

    private func message(_ stage: Stage = .cleanup, hop: Int64 = 1) -> StageMessage {
        StageMessage(stage: stage, hop: hop, mediaID: "m", manifest: nil)
    }

    /// A job with a file of a mebibyte that waits for its clean-up.
    private func waiting(_ tracker: TempFileTracker, _ job: JobKey = video(), hop: Int64 = 1) async throws {
        let lease = try await tracker.lease(job)
        try await tracker.makeFile("x", bytes: 1 << 20, job: job)
        try await tracker.jobs.handedOver(job, to: .cleanup, hop: hop)
        lease.release()
    }

    /// As a job does that is about to write.
    private func plan(_ tracker: TempFileTracker) async throws {
        let file = NewFile(name: "y", type: .output, description: "")
        _ = try await tracker.trackFile(file, job: video("new"), stage: .process)
    }

    private func size(_ path: String) -> Int64 {
        FileStatus(path: path)?.sizeBytes ?? -1
    }

    private func end(_ job: JobKey, _ tracker: TempFileTracker) async throws {
        guard case .entered(let entered) = try await tracker.jobs.enter(job, message(), timeout: .zero) else {
            throw LabError(message: "the clean-up does not begin")
        }
        #expect(try await tracker.cleanupJobTempFiles(job).filesCleaned == 1)
        let end = try #require(try await tracker.jobs.end(job, outcome: .completed, token: "t", record: [1]))
        try await tracker.jobs.noteAnnounced(end)
        entered.lease.release()
    }

    @Test func jobIsCleanedUpAndEndsAndNothingElseUsesWhatIsKeptForThat() async throws {
        let tracker = try lab.tracker()
        #expect(size(reserve) == LedgerReserve.bytes)
        try await waiting(tracker)
        try await disk.fill()
        let other = try lab.tracker()
        let refused = await failure { try await plan(other) }
        #expect(refused?.code == .ledgerFull)
        #expect(size(reserve) == LedgerReserve.bytes)

        guard case .entered(let entered) = try await other.jobs.enter(video(), message(), timeout: .zero) else {
            Issue.record("the clean-up does not begin")
            return
        }
        #expect(size(reserve) == -1)
        // The place is taken by the others at once, and still the job ends.
        try await disk.fill()
        let later = await failure { try await plan(tracker) }
        #expect(later?.code == .ledgerFull)
        #expect(later?.isRetriable == true)
        #expect(later?.message.contains("left to clean-up") == true)
        #expect(try await other.cleanupJobTempFiles(video()).filesCleaned == 1)
        let end = try #require(try await other.jobs.end(video(), outcome: .completed, token: "t", record: [1]))
        try await other.jobs.noteAnnounced(end)
        entered.lease.release()
        #expect(try lab.leftovers() == [])

        try disk.empty()
        try await plan(tracker)
        #expect(size(reserve) == LedgerReserve.bytes)
    }

    @Test func filesGoFirstWhereNotEvenThatIsLeft() async throws {
        let tracker = try lab.tracker()
        try await waiting(tracker)
        try await waiting(tracker, video("ahead"), hop: 5)
        unlink(reserve)
        try await disk.fill()
        // A late duplicate is no reason to delete anything.
        guard case .stale(5) = try await tracker.jobs.enter(video("ahead"), message(hop: 4), timeout: .zero) else {
            Issue.record("a late duplicate was not recognised")
            return
        }
        #expect(exists(lab.workspacePath + "/jobs/video/ahead/x"))
        guard case .entered(let entered) = try await tracker.jobs.enter(video(), message(), timeout: .zero) else {
            Issue.record("the clean-up does not begin")
            return
        }
        #expect(!exists(lab.workspacePath + "/jobs/video/job-1/x"))
        #expect(try await tracker.cleanupJobTempFiles(video()).failures.isEmpty)
        #expect(try await tracker.jobs.end(video(), outcome: .completed, token: "t", record: []) != nil)
        entered.lease.release()
        #expect(lab.log.lines.contains { $0.message.contains("the job's files are removed first") })
        #expect(try await tracker.statistics()[.video]?.totalFiles == 1)
    }

    @Test(arguments: [true, false])
    func sweepRemovesWhatFinishedJobsLeft(_ hasReserve: Bool) async throws {
        let tracker = try lab.tracker()
        try await waiting(tracker)
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "end", record: [])
        if !hasReserve { unlink(reserve) }
        try await disk.fill()
        let report = try await lab.tracker().cleanupOrphanedFiles(SweepRules(graceTime: .zero))
        #expect(report.filesCleaned == 1)
        #expect(try lab.leftovers() == [])
        #expect(try await tracker.statistics()[.video]?.totalFiles == 0)
    }

    // As after a crash of the host: no other process has the map of the log.
    @Test func booksAreOpenedByTheFirstProcessAsWell() async throws {
        try await waiting(lab.tracker())
        unlink(lab.workspacePath + "/ledger.sqlite-shm")
        try await disk.fill()
        try await end(video(), lab.tracker())
        #expect(try lab.leftovers() == [])
    }

    @Test func reserveThatWasCutOffIsMadeWholeAndIsOurs() async throws {
        _ = try lab.tracker()
        #expect(truncate(reserve, 1 << 20) == 0)
        let tracker = try lab.tracker()
        #expect(size(reserve) == LedgerReserve.bytes)
        #expect(try await tracker.findOrphanedFiles(SweepRules(graceTime: .zero)).isEmpty)
        // Nobody misses it as long as there is room.
        unlink(reserve)
        try await plan(tracker)
        #expect(size(reserve) == LedgerReserve.bytes)
    }
}
