import Foundation
import GRDB
import Glibc
import JobModel
import JobStore
import Synchronization
import TempFiles
import TempFilesSupport
import Testing

@testable import Ledger

@Suite final class AbandonedJobTests: Sendable {
    let lab: Lab
    let tracker: TempFileTracker
    private let rules = SweepRules(graceTime: .seconds(3600), maximumSilence: .seconds(86_400))
    private let ended = Mutex<[AbandonedJob]>([])
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func begin(_ job: JobKey, _ stage: Stage = .process, hop: Int64 = 3, ticket: String? = nil) async throws {
        let lease = try await tracker.lease(job)
        _ = try await tracker.jobs.begin(
            job,
            StageMessage(
                stage: stage,
                hop: hop,
                mediaID: "m",
                manifest: nil,
                ticket: ticket.map { Array($0.utf8) }
            )
        )
        lease.release()
    }

    @discardableResult
    private func sweep(_ token: String = "sweep") async throws -> CleanupReport {
        try await tracker.cleanupOrphanedFiles(rules) { job in
            self.ended.withLock { $0.append(job) }
            return AbandonedHandOver(hop: job.record.hop + 1, token: token)
        }
    }

    private func found() async throws -> [OrphanReason] { try await tracker.findOrphanedFiles(rules).map(\.reason) }

    @Test func silentJobIsGivenToItsCleanupStageOnce() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("out/x", bytes: 10, job: video())
        lease.release()
        try await begin(video(), ticket: "the ticket")
        try await begin(image("no files"), .download, hop: 0)
        #expect(try await sweep().abandonedJobs == 0)
        try await tracker.jobs.addService(.seconds(86_399))
        #expect(try await sweep().abandonedJobs == 0)
        try await tracker.jobs.addService(.seconds(1))
        let orphans = try await tracker.findOrphanedFiles(rules).sorted { $0.path < $1.path }
        #expect(orphans.map(\.reason) == [.abandonedJob, .abandonedJob])
        #expect(orphans.map(\.job) == [image("no files"), video()])
        #expect(orphans.map(\.sizeBytes) == [0, 10])
        #expect(orphans.map(\.age) == [.seconds(86_400), .seconds(86_400)])
        // Without a way to end them they are left alone.
        #expect(try await tracker.cleanupOrphanedFiles(rules).abandonedJobs == 0)
        #expect(try await sweep().abandonedJobs == 2)
        let jobs = ended.withLock { $0 }.sorted { $0.record.id < $1.record.id }
        #expect(jobs.map(\.record.stage) == [.process, .download])
        #expect(jobs.map(\.record.hop) == [3, 0])
        #expect(jobs.map { $0.ticket.map { String(decoding: $0, as: UTF8.self) } } == ["the ticket", nil])
        // The files wait for the clean-up stage, and messages that come now are late.
        #expect(exists(lab.workspacePath + "/jobs/video/job-1/out/x"))
        #expect(try await found() == [])
        #expect(try await sweep().abandonedJobs == 0)
        let record = try await tracker.jobs.job(video())
        #expect(record?.hop == 4)
        #expect(record?.stage == .cleanup)
        let start = try await tracker.jobs.begin(
            video(),
            StageMessage(stage: .process, hop: 3, mediaID: "m", manifest: nil)
        )
        #expect(start == .stale(currentHop: 4))
    }

    @Test func signOfLifeEndsTheSilence() async throws {
        for id in ["progress", "start", "silent"] { try await begin(video(id)) }
        try await sweep()
        try await tracker.jobs.addService(.seconds(86_000))
        lab.clock.advance(by: 1)
        _ = try await tracker.jobs.recordProgress(video("progress"), percent: 50, step: "")
        try await begin(video("start"))
        try await tracker.jobs.addService(.seconds(400))
        // A dry run knows it before a sweep has noted the sign.
        #expect(try await tracker.findOrphanedFiles(rules).map(\.job?.id) == ["silent"])
        #expect(try await sweep().abandonedJobs == 1)
        #expect(ended.withLock { $0.map(\.record.id) } == ["silent"])
        try await tracker.jobs.addService(.seconds(86_400))
        #expect(try await sweep().abandonedJobs == 2)
    }

    @Test func jobThatSomebodyWorksOnIsNotSilent() async throws {
        try await begin(video())
        try await sweep()
        try await tracker.jobs.addService(.seconds(100_000))
        let other = try lab.tracker()
        let lease = try await other.lease(video())
        #expect(try await found() == [])
        #expect(try await sweep().abandonedJobs == 0)
        lease.release()
        // The silence begins when the lease was last seen held.
        #expect(try await sweep().abandonedJobs == 0)
        try await tracker.jobs.addService(.seconds(86_400))
        #expect(try await sweep().abandonedJobs == 1)
    }

    // A clock that jumps, or a host that was switched off, makes nobody silent.
    @Test(arguments: [TimeInterval(2_592_000), TimeInterval(-2_592_000)])
    func onlyTimeOfServiceCounts(_ step: TimeInterval) async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("x", bytes: 10, job: video())
        lease.release()
        try await sweep()
        lab.clock.advance(by: step)
        try await tracker.jobs.addService(.seconds(10))
        try await tracker.jobs.addService(.seconds(-5))
        #expect(try await found() == [])
        let report = try await sweep()
        #expect(report.abandonedJobs == 0 && report.filesCleaned == 0)
        #expect(exists(lab.workspacePath + "/jobs/video/job-1/x"))
    }

    @Test func timeInWhichNobodyServedItsStageMakesNoJobSilent() async throws {
        try await begin(video("encoding"))
        try await begin(video("uploading"), .upload)
        try await begin(image("encoding"))
        try await sweep()
        // The broker is there all the time; the workers that make videos are not.
        let day = Duration.seconds(86_400)
        try await tracker.jobs.addService(day, stages: [ServedStage(.video, .upload): day])
        #expect(try await tracker.findOrphanedFiles(rules).map(\.job) == [video("uploading")])
        try await tracker.jobs.addService(day, stages: [ServedStage(.image, .process): day])
        #expect(try await sweep().abandonedJobs == 2)
        #expect(try await tracker.jobs.service().all == day * 2)
        #expect(try await tracker.jobs.service().stages[ServedStage(.video, .process)] == .zero)
        try await tracker.jobs.addService(day)
        #expect(try await found() == [.abandonedJob])
    }

    // A job that goes on to the next stage is silent from then on, by the time of that stage.
    @Test func silenceBeginsAnewWithTheNextStage() async throws {
        try await tracker.jobs.addService(.seconds(1000), stages: [ServedStage(.video, .process): .seconds(900)])
        try await begin(video())
        try await sweep()
        lab.clock.advance(by: 1)
        try await tracker.jobs.handedOver(video(), to: .upload, hop: 4)
        try await sweep()
        let long = Duration.seconds(86_399)
        try await tracker.jobs.addService(long, stages: [ServedStage(.video, .upload): long])
        #expect(try await found() == [])
        try await tracker.jobs.addService(.seconds(1), stages: [ServedStage(.video, .upload): .seconds(1)])
        #expect(try await found() == [.abandonedJob])
    }

    @Test func endThatCouldNotBePublishedIsTriedAgain() async throws {
        try await begin(video("a"))
        try await begin(video("b"))
        try await sweep()
        try await tracker.jobs.addService(.seconds(86_400))
        let report = try await tracker.cleanupOrphanedFiles(rules) { job in
            if job.record.id == "a" { throw LabError(message: "no broker") }
            return AbandonedHandOver(hop: 4, token: "t")
        }
        #expect(report.abandonedJobs == 1)
        #expect(report.failures.map(\.path) == [lab.workspacePath + "/jobs/video/a"])
        #expect(try await tracker.jobs.job(video("a"))?.hop == 3)
        #expect(try await sweep().abandonedJobs == 1)
        #expect(ended.withLock { $0.map(\.record.id) } == ["a"])
    }

    // The message whose claim of the end an earlier version has noted is gone; the new one takes the claim over, and
    // the old one is a duplicate.
    @Test func hangingEndIsSettledByTheNewMessageAlone() async throws {
        try await begin(video(), .cleanup, hop: 3)
        try await tracker.ledger.write {
            try $0.db.execute(sql: "UPDATE job SET outcome = 'completed', finishToken = 'old'")
        }
        try await sweep()
        try await tracker.jobs.addService(.seconds(86_400))
        #expect(try await sweep("new").abandonedJobs == 1)
        #expect(ended.withLock { $0.first?.record.outcome } == .completed)
        #expect(try await tracker.jobs.end(video(), outcome: .completed, token: "old", record: []) == nil)
        #expect(try await tracker.jobs.end(video(), outcome: .completed, token: "new", record: []) != nil)
        #expect(try await tracker.jobs.job(video())?.finishToken == "new")
        try await tracker.jobs.addService(.seconds(200_000))
        #expect(try await sweep().abandonedJobs == 0)
    }

    @Test func afterTheLossOfTheBooksFilesWaitForTheirMessagesAsLongAsJobsMayBeSilent() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("x", bytes: 10, job: video())
        lease.release()
        let path = lab.workspacePath + "/jobs/video/job-1"
        try setModified(path + "/x", secondsAgo: 100)
        try setModified(path, secondsAgo: 100)
        for companion in ["", "-wal", "-shm"] { unlink(lab.workspacePath + "/ledger.sqlite" + companion) }
        let next = try lab.tracker()
        lab.clock.advance(by: 1_000_000)
        #expect(try await next.findOrphanedFiles(rules).isEmpty)
        #expect(try await next.cleanupOrphanedFiles(rules).filesCleaned == 0)
        try await next.jobs.addService(.seconds(86_400))
        #expect(try await next.findOrphanedFiles(rules).map(\.reason) == [.unknownJobDirectory])
        #expect(try await next.cleanupOrphanedFiles(rules).filesCleaned == 1)
    }
}
