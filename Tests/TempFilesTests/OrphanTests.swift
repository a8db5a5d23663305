import Foundation
import Glibc
import JobModel
import JobStore
import Ledger
import TempFilesSupport
import Testing

@testable import TempFiles

@Suite struct OrphanTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
        // No unknown file counts as older than the ledger.
        lab.clock.advance(by: 86_400)
    }

    private var jobs: String { tracker.workspace.path + "/jobs" }

    private func plant(_ path: String, secondsAgo: Int, bytes: Int = 10) throws {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true
        )
        try Data(count: bytes).write(to: URL(fileURLWithPath: path))
        // The test clock is a day ahead.
        try setModified(path, secondsAgo: secondsAgo - 86_400)
    }

    private func reasons(_ grace: Duration = .seconds(3600)) async throws -> [String: OrphanReason] {
        let found = try await tracker.findOrphanedFiles(SweepRules(graceTime: grace))
        return Dictionary(found.map { (String($0.path.dropFirst(jobs.count + 1)), $0.reason) }) { $1 }
    }

    @Test func livingJobsHaveNone() async throws {
        let other = try lab.tracker()
        let leased = try await other.lease(video("leased"))
        try await other.makeFile("x", bytes: 10, job: video("leased"))
        _ = try await other.trackFile(
            NewFile(name: "planned", type: .output, description: ""),
            job: video("leased"),
            stage: .process
        )
        try plant(jobs + "/video/leased/unknown", secondsAgo: 90_000)
        let waiting = try await other.lease(image("waiting"))
        try await other.makeFile("d/x", bytes: 10, job: image("waiting"))
        try await other.markFileForCleanup("d/x", job: image("waiting"))
        waiting.release()
        lab.clock.advance(by: 1_000_000)
        #expect(try await reasons() == [:])
        let report = try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .seconds(3600)))
        #expect(report.filesCleaned == 0)
        #expect(exists(jobs + "/video/leased/unknown"))
        #expect(exists(jobs + "/image/waiting/d/x"))
        leased.release()
    }

    @Test func filesThatOnlyWaitForCleanUpGoAndTheirJobWaitsOn() async throws {
        let rules = SweepRules(graceTime: .seconds(3600))
        for stage in [Stage.upload, .cleanup] {
            let lease = try await tracker.lease(video("\(stage)"))
            try await tracker.makeFile("d/x", bytes: 4096, job: video("\(stage)"))
            try await tracker.jobs.handedOver(video("\(stage)"), to: stage, hop: 3)
            lease.release()
        }
        let atWork = try await lab.tracker().lease(video("at work"))
        try await tracker.jobs.handedOver(video("at work"), to: .cleanup, hop: 3)
        try await tracker.makeFile("x", bytes: 10, job: video("at work"))
        #expect(try await reasons() == [:])
        #expect(try await tracker.cleanupOverdueJobs(rules).filesCleaned == 0)
        lab.clock.advance(by: 3600)
        #expect(try await reasons() == ["video/cleanup/d/x": .overdueCleanup])
        #expect(try await tracker.cleanupOverdueJobs(rules).filesCleaned == 1)
        #expect(try await reasons() == [:])
        #expect(try await tracker.jobs.job(video("cleanup"))?.state == .active)
        #expect(try await tracker.jobTempFiles(video("cleanup")).isEmpty)
        #expect(exists(jobs + "/video/upload/d/x"))
        #expect(try await tracker.jobTempFiles(video("at work")).count == 1)
        atWork.release()
        // A sweep does the same.
        #expect(try await tracker.cleanupOrphanedFiles(rules).filesCleaned == 1)
        #expect(try lab.leftovers() == ["upload", "upload/.lease", "upload/d", "upload/d/x"])
    }

    @Test func eachReasonIsFoundAndSwept() async throws {
        for id in ["living", "finished"] {
            let lease = try await tracker.lease(video(id))
            try await tracker.makeFile("x", bytes: 4096, job: video(id))
            try await tracker.makeFile("gone", bytes: 4096, job: video(id))
            lease.release()
        }
        _ = try await tracker.jobs.end(video("finished"), outcome: .failed, token: "end", record: [])
        #expect(unlink(jobs + "/video/living/gone") == 0)
        _ = try await tracker.trackFile(
            NewFile(name: "x", type: .output, description: ""),
            job: video("rows only"),
            stage: .process
        )
        try plant(jobs + "/video/living/d/unknown", secondsAgo: 7200)
        try plant(jobs + "/video/living/young", secondsAgo: 60)
        try plant(jobs + "/video/unknown/x", secondsAgo: 7200)
        try setModified(jobs + "/video/unknown", secondsAgo: 7200 - 86_400)
        try plant(jobs + "/video/young/x", secondsAgo: 60)
        try plant(jobs + "/image/stray", secondsAgo: 7200)
        try plant(jobs + "/image/young", secondsAgo: 60)
        let rowsOnly = JobKey(kind: .video, id: ByteText("rows only")).directoryName
        let expected: [String: OrphanReason] = [
            "video/living/d/unknown": .unknownFile, "video/living/gone": .missingFile,
            "video/finished/x": .finishedJob, "video/finished/gone": .finishedJob,
            "video/unknown/x": .unknownJobDirectory, "image/stray": .unknownFile,
            "video/\(rowsOnly)/x": .missingFile,
        ]
        #expect(try await reasons() == expected)
        // A dry run changes nothing.
        #expect(try await reasons() == expected)
        let found = try await tracker.findOrphanedFiles(SweepRules(graceTime: .seconds(3600)))
        let unknown = try #require(found.first { $0.path.hasSuffix("/d/unknown") })
        #expect(unknown.sizeBytes == 10)
        #expect(unknown.age >= .seconds(7200) && unknown.age < .seconds(7300))
        #expect(unknown.job == video("living"))
        #expect(unknown.kind == .video)

        let report = try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .seconds(3600)))
        #expect(report.filesCleaned == 5)
        #expect(report.failures.isEmpty)
        #expect(try await reasons() == [:])
        #expect(
            try lab.leftovers() == [
                "living", "living/.lease", "living/d", "living/x", "living/young", "young", "young", "young/x",
            ]
        )
        #expect(try await tracker.jobTempFiles(video("living")).map(\.sizeBytes) == [4096])
        #expect(
            try await tracker.statistics()[.video]
                == TempFileStatistics(totalJobs: 1, totalFiles: 1, totalSizeBytes: 4096)
        )
    }

    @Test func whatWasChangedInTheFutureIsYoung() async throws {
        let lease = try await tracker.lease(video())
        lease.release()
        try plant(jobs + "/video/job-1/x", secondsAgo: -1_000_000)
        #expect(try await reasons() == [:])
        #expect(try await reasons(.zero) == ["video/job-1/x": .unknownFile])
    }

    @Test func unknownDirectoriesAreSparedWhileTheBooksAreYoung() async throws {
        let fresh = try Lab()
        let young = try fresh.tracker()
        let path = fresh.workspacePath + "/jobs/video/survivor"
        #expect(mkdir(path, 0o700) == 0)
        try setModified(path, secondsAgo: 1_000_000)
        #expect(try await young.findOrphanedFiles(SweepRules(graceTime: .seconds(3600))).isEmpty)
        fresh.clock.advance(by: 3700)
        #expect(
            try await young.findOrphanedFiles(SweepRules(graceTime: .seconds(3600))).map(\.reason) == [
                .unknownJobDirectory
            ]
        )
    }

    @Test func linksAreListedAndRemovedAsThemselves() async throws {
        let outside = try lab.outsideFile("outside")
        let lease = try await tracker.lease(video())
        lease.release()
        for path in [jobs + "/video/job-1/link", jobs + "/video/link"] {
            #expect(symlink(lab.temporaryDirectory, path) == 0)
            try setModified(path, secondsAgo: 7200 - 86_400)
        }
        #expect(try await reasons() == ["video/job-1/link": .foreignEntry, "video/link": .foreignEntry])
        #expect(try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .seconds(3600))).filesCleaned == 2)
        #expect(exists(outside))
        #expect(try lab.leftovers() == [])
    }

    @Test func jobBegunBetweenFindingAndSweepingIsSpared() async throws {
        try plant(jobs + "/video/job-1/x", secondsAgo: 7200)
        try setModified(jobs + "/video/job-1", secondsAgo: 7200 - 86_400)
        #expect(try await reasons() == ["video/job-1/x": .unknownJobDirectory])
        let other = try lab.tracker()
        let lease = try await other.lease(video())
        _ = try await other.jobs.begin(
            video(),
            StageMessage(
                stage: .process,
                hop: 1,
                mediaID: "",
                manifest: [
                    TempFileEntry(
                        path: ByteText(jobs + "/video/job-1/x"),
                        stage: nil,
                        createdAt: nil,
                        sizeBytes: 0,
                        type: .input,
                        description: ""
                    )
                ]
            )
        )
        #expect(try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .seconds(3600))).filesCleaned == 0)
        lease.release()
        #expect(try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .seconds(3600))).filesCleaned == 0)
        #expect(exists(jobs + "/video/job-1/x"))
    }

    @Test func oneSweepsAtATime() async throws {
        let path = tracker.workspace.path + "/" + TempFileTracker.sweepLockName
        _ = try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .zero))
        let other = try HolderProcess(path: path)
        let error = await failure { _ = try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .zero)) }
        #expect(error?.code == .sweepInProgress)
        #expect(error?.isRetriable == true)
        _ = try await tracker.findOrphanedFiles(SweepRules(graceTime: .zero))
        other.kill()
        _ = try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .zero))
    }
}
