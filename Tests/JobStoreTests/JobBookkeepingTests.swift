import Foundation
import GRDB
import JobModel
import JobStore
import TempFiles
import TempFilesSupport
import Testing

@testable import Ledger

@Suite struct JobBookkeepingTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func begin(_ stage: Stage, _ hop: Int64) async throws -> StageStart {
        try await tracker.jobs.begin(video(), StageMessage(stage: stage, hop: hop, mediaID: "media", manifest: nil))
    }

    private func enter(_ stage: Stage, _ hop: Int64, _ run: JobRun) async throws -> StageEntry {
        let message = StageMessage(stage: stage, hop: hop, run: run, mediaID: "media", manifest: nil)
        return try await tracker.jobs.enter(video(), message, timeout: .zero)
    }

    @Test func startsAreCountedForEachStageAndHop() async throws {
        #expect(try await begin(.download, 0) == .proceed(starts: 1, progress: 0))
        #expect(try await begin(.download, 0) == .proceed(starts: 2, progress: 0))
        #expect(try await begin(.process, 1) == .proceed(starts: 1, progress: 0))
        #expect(try await begin(.process, 1) == .proceed(starts: 2, progress: 0))
        #expect(try await begin(.download, 2) == .proceed(starts: 1, progress: 0))
        let job = try #require(try await tracker.jobs.job(video()))
        #expect(job.stage == .download)
        #expect(job.hop == 2)
        #expect(job.mediaID == "media")
    }

    @Test func drainedStartIsTakenBack() async throws {
        for _ in 0..<5 {
            #expect(try await begin(.process, 1) == .proceed(starts: 1, progress: 0))
            try await tracker.jobs.handBack(video(), stage: .process, hop: 1, start: 1)
        }
        try await tracker.jobs.handBack(video(), stage: .process, hop: 1, start: 1)
        try await tracker.jobs.handBack(video("unknown"), stage: .process, hop: 1, start: 1)
        #expect(try await begin(.process, 1) == .proceed(starts: 1, progress: 0))
    }

    @Test func startIsTakenBackOnceThoughItsRetryIsNotPublished() async throws {
        #expect(try await begin(.process, 1) == .proceed(starts: 1, progress: 0))
        // The worker dies.
        #expect(try await begin(.process, 1) == .proceed(starts: 2, progress: 0))
        try await tracker.jobs.willRetry(video(), stage: .process, hop: 1, start: 2, attempt: 1, ticket: [])
        // The broker is away, so the job goes back to its queue.
        try await tracker.jobs.handBack(video(), stage: .process, hop: 1, start: 2)
        #expect(try await begin(.process, 1) == .proceed(starts: 2, progress: 0))
    }

    @Test func startOfADeadWorkerIsNotTakenBackByALaterOne() async throws {
        _ = try await begin(.process, 1)
        _ = try await begin(.process, 1)
        try await tracker.jobs.handBack(video(), stage: .process, hop: 1, start: 1)
        #expect(try await begin(.process, 1) == .proceed(starts: 3, progress: 0))
    }

    @Test func drainedStartIsTakenBackByACancelledTask() async throws {
        let tracker = tracker
        _ = try await begin(.process, 1)
        let drained = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await tracker.jobs.handBack(video(), stage: .process, hop: 1, start: 1)
        }
        try await drained.value
        #expect(try await begin(.process, 1) == .proceed(starts: 1, progress: 0))
    }

    @Test(arguments: [(Int64(0), true), (1, true), (2, true), (3, false), (4, false)])
    func messageBehindTheJobIsStale(_ hop: Int64, _ isStale: Bool) async throws {
        _ = try await begin(.process, 2)
        try await tracker.jobs.handedOver(video(), to: .upload, hop: 3)
        let start = try await begin(.upload, hop)
        #expect(start == (isStale ? .stale(currentHop: 3) : .proceed(starts: 1, progress: 0)))
    }

    @Test func handOverNeverGoesBack() async throws {
        _ = try await begin(.cleanup, 5)
        try await tracker.jobs.handedOver(video(), to: .upload, hop: 4)
        let job = try #require(try await tracker.jobs.job(video()))
        #expect(job.stage == .cleanup)
        #expect(job.hop == 5)
    }

    @Test func progressNeverGoesBackAndStaysWithinItsBounds() async throws {
        var told: [Int] = []
        for percent in [-5, 10, 40, 30, 100, 250, Int.min] {
            told.append(try await tracker.jobs.recordProgress(video(), percent: percent, step: "processing_video"))
        }
        #expect(told == [0, 10, 40, 40, 100, 100, 100])
        #expect(try await begin(.process, 1) == .proceed(starts: 1, progress: 100))
        #expect(try await tracker.jobs.job(video())?.step == "processing_video")
    }

    @Test func jobIsEndedByOneMessage() async throws {
        func end(_ outcome: JobOutcome, _ token: String) async throws -> JobRecord? {
            try await tracker.jobs.end(video(), outcome: outcome, token: token, record: Array("{}".utf8))
        }
        // Another delivery of the same message, and another message, meet the end that there is.
        for (outcome, token) in [(JobOutcome.completed, "a"), (.completed, "a"), (.failed, "b")] {
            let job = try #require(try await end(outcome, token))
            #expect(job.state == .finished)
            #expect(job.outcome == .completed)
            #expect(job.finishToken == "a")
        }
        #expect(try await tracker.jobs.job(video())?.finishToken == "a")
    }

    @Test func retryIsOnTheBooksWhileTheJobWaitsForIt() async throws {
        _ = try await begin(.process, 1)
        let ticket = Array(#"{"id":"job-1"}"#.utf8)
        try await tracker.jobs.willRetry(video(), stage: .process, hop: 1, start: 1, attempt: 1, ticket: ticket)
        #expect(try await tracker.jobs.job(video())?.attempt == 1)
        #expect(try await tracker.jobs.detail(video(), fileLimit: 0)?.ticket == ticket)
        #expect(try await begin(.process, 1) == .proceed(starts: 1, progress: 0))
    }

    @Test func endIsKnownAsAnnouncedUntilTheNextRun() async throws {
        let end = try #require(
            try await tracker.jobs.end(video(), outcome: .failed, token: "a", record: Array("{}".utf8))
        )
        #expect(end.announcedAt == nil)
        #expect(end.finishedAt != nil)
        let again = try #require(try await tracker.jobs.end(video(), outcome: .completed, token: "b", record: []))
        #expect(again == end)
        try await tracker.jobs.noteAnnounced(end)
        #expect(try await tracker.jobs.job(video())?.announcedAt != nil)
        guard case .entered(let next) = try await enter(.download, 9, JobRun(redrives: 1)) else {
            Issue.record("the job does not begin anew")
            return
        }
        next.lease.release()
        #expect(try await tracker.jobs.job(video())?.announcedAt == nil)
        // Late news of the earlier end.
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "c", record: [])
        try await tracker.jobs.noteAnnounced(end)
        #expect(try await tracker.jobs.job(video())?.announcedAt == nil)
    }

    @Test func unheardEndIsTakenOverOnceAndNotTooEarly() async throws {
        let end = try #require(try await tracker.jobs.end(video(), outcome: .completed, token: "a", record: []))
        #expect(try await !tracker.jobs.takeOverEnd(end, token: "b", after: .seconds(3600)))
        lab.clock.advance(by: 2)
        #expect(try await tracker.jobs.takeOverEnd(end, token: "b", after: .seconds(1)))
        #expect(try await !tracker.jobs.takeOverEnd(end, token: "c", after: .seconds(1)))
        let taken = try #require(try await tracker.jobs.job(video()))
        #expect(taken.finishToken == "b")
        try await tracker.jobs.noteAnnounced(taken)
        #expect(try await !tracker.jobs.takeOverEnd(taken, token: "c", after: .seconds(1)))
    }

    @Test func stepIsNewsAtOnceAndAgainAfterItsInterval() async throws {
        func news(_ percent: Int, _ step: String, seconds: Int64 = 3600) async throws -> Int? {
            try await tracker.jobs.recordNews(video(), percent: percent, step: step, interval: .seconds(seconds))
        }
        #expect(try await news(0, "downloading_video") == 0)
        #expect(try await news(3, "downloading_video") == nil)
        #expect(try await news(10, "download_complete") == 10)
        #expect(try await news(10, "waiting_for_space") == 10)
        // Another worker, or the same one after a retry.
        let other = try lab.tracker()
        #expect(
            try await other.jobs.recordNews(video(), percent: 10, step: "waiting_for_space", interval: .seconds(3600))
                == nil
        )
        lab.clock.advance(by: 3600)
        #expect(try await news(4, "waiting_for_space") == 10)
        #expect(try await news(12, "waiting_for_space", seconds: 7200) == nil)
        // Progress that was not told is not forgotten.
        #expect(try await news(11, "processing_video") == 12)
        lab.clock.advance(by: -60)
        #expect(try await news(13, "processing_video") == 13)
    }

    @Test func finishedJobHasNoMoreProgress() async throws {
        _ = try await tracker.jobs.recordProgress(video(), percent: 40, step: "processing_video")
        _ = try await tracker.jobs.end(video(), outcome: .failed, token: "a", record: [])
        await #expect {
            try await tracker.jobs.recordProgress(video(), percent: 70, step: "uploading_results")
        } throws: {
            ($0 as? TempFileError)?.code == .jobFinished
        }
        #expect(try await tracker.jobs.job(video())?.progress == 40)
    }

    @Test func jobIsEndedOnceByTrackersAtOnce() async throws {
        let trackers = try (0..<4).map { _ in try lab.tracker() }
        let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<16 {
                group.addTask {
                    let token = "message \(index)"
                    let jobs = trackers[index % 4].jobs
                    return try await jobs.end(video(), outcome: .completed, token: token, record: [])?.finishToken
                        == token
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(winners == 1)
    }

    @Test(arguments: JobOutcome.allCases)
    func finishedJobIsRememberedWithItsRecord(_ outcome: JobOutcome) async throws {
        let record = Array(#"{"id":"job-1"}"#.utf8)
        _ = try await begin(.download, 0)
        _ = try await tracker.jobs.end(video(), outcome: outcome, token: "end", record: record)
        #expect(try await begin(.download, 0) == .finished(outcome))
        #expect(try await begin(.cleanup, 99) == .finished(outcome))
        let job = try #require(try await lab.tracker().jobs.job(video()))
        #expect(job.state == .finished)
        #expect(job.outcome == outcome)
        #expect(job.record == record)
        #expect(job.finishedAt != nil)
    }

    @Test func finishedJobTakesNoMoreFiles() async throws {
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "end", record: [])
        let error = await failure { try await tracker.makeFile("x", bytes: 1, job: video()) }
        #expect(error?.code == .jobFinished)
        #expect(error?.isRetriable == false)
    }

    @Test func forgottenJobRunsAgain() async throws {
        _ = try await begin(.download, 7)
        try await tracker.jobs.addService(.seconds(1))
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .zero) == 0)
        _ = try await tracker.jobs.end(video(), outcome: .failed, token: "end", record: [])
        try await tracker.jobs.addService(.seconds(1))
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .zero) == 1)
        #expect(try await tracker.jobs.job(video()) == nil)
        #expect(try await begin(.download, 0) == .proceed(starts: 1, progress: 0))
    }

    @Test func finishedJobsAreForgottenAfterTheRetentionTime() async throws {
        _ = try await tracker.jobs.end(video("old"), outcome: .completed, token: "end", record: [])
        _ = try await begin(.download, 0)
        try await tracker.jobs.addService(.seconds(3600))
        _ = try await tracker.jobs.end(video("new"), outcome: .completed, token: "end", record: [])
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .seconds(7200)) == 0)
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .seconds(Int64.max)) == 0)
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .seconds(1800)) == 1)
        #expect(try await tracker.jobs.jobs(limit: 10).map(\.id) == ["new", "job-1"])
    }

    // Neither a clock that is stepped nor a host that was off brings late duplicates any sooner.
    @Test(arguments: [TimeInterval(604_800), TimeInterval(-604_800)])
    func clockThatIsSteppedByAWeekForgetsNothing(_ step: TimeInterval) async throws {
        _ = try await begin(.download, 0)
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "end", record: [])
        #expect(try await tracker.jobs.requestCancel(video("typo")) == .unknown)
        lab.clock.advance(by: step)
        try await tracker.jobs.addService(.seconds(1800))
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .seconds(1800)) == 0)
        #expect(try await tracker.jobs.forgetClaims(olderThan: .seconds(1800)) == 0)
        #expect(try await begin(.download, 0) == .finished(.completed))
        try await tracker.jobs.addService(.seconds(1))
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .seconds(1800)) == 1)
        #expect(try await tracker.jobs.forgetClaims(olderThan: .seconds(1800)) == 1)
    }

    @Test func jobsAreListedNewestFirst() async throws {
        for id in ["a", "b", "c"] {
            _ = try await tracker.jobs.begin(
                image(id),
                StageMessage(stage: .download, hop: 0, mediaID: ByteText(id), manifest: nil)
            )
        }
        _ = try await tracker.jobs.end(image("b"), outcome: .completed, token: "end", record: [])
        #expect(try await tracker.jobs.jobs(limit: 2).map(\.id) == ["c", "b"])
        #expect(try await tracker.jobs.jobs(limit: 10, state: .active).map(\.id) == ["c", "a"])
        #expect(try await tracker.jobs.jobs(limit: 10, state: .finished).map(\.id) == ["b"])
        #expect(try await tracker.jobs.jobs(JobFilter(), before: nil, limit: -1).jobs.count == 1)
    }

    @Test func cancellationIsAFlagOfALivingJob() async throws {
        #expect(try await tracker.jobs.isCancelRequested(video()) == false)
        _ = try await begin(.download, 0)
        #expect(try await tracker.jobs.requestCancel(video()) == .requested)
        #expect(try await tracker.jobs.requestCancel(video()) == .requested)
        #expect(try await lab.tracker().jobs.isCancelRequested(video()))
        #expect(try await begin(.process, 1) == .proceed(starts: 1, progress: 0, isCancelRequested: true))
        _ = try await tracker.jobs.end(video(), outcome: .cancelled, token: "end", record: [])
        #expect(try await tracker.jobs.requestCancel(video()) == .over(.cancelled))
    }

    @Test func cancellationOfAJobThatNoStageHasSeenIsRemembered() async throws {
        #expect(try await tracker.jobs.requestCancel(video()) == .unknown)
        #expect(try await begin(.download, 0) == .proceed(starts: 1, progress: 0, isCancelRequested: true))
        #expect(try await tracker.jobs.requestCancel(video()) == .requested)
    }

    @Test func cancellationOfAJobThatNeverComesIsForgotten() async throws {
        #expect(try await tracker.jobs.requestCancel(video("typo")) == .unknown)
        _ = try await begin(.download, 0)
        #expect(try await tracker.jobs.requestCancel(video()) == .requested)
        try await tracker.jobs.addService(.seconds(3600))
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .seconds(1800)) == 0)
        #expect(try await tracker.jobs.forgetClaims(olderThan: .seconds(1800)) == 1)
        #expect(try await tracker.jobs.jobs(limit: 10).map(\.id) == [video().id])
        // Its message comes too late for the cancellation.
        let late = try await tracker.jobs.begin(
            video("typo"),
            StageMessage(stage: .download, hop: 0, mediaID: "m", manifest: nil)
        )
        #expect(late == .proceed(starts: 1, progress: 0))
    }

    // A cancellation request for a job that nobody has seen is no job: it is not listed, is not the oldest job, and no
    // orphan.
    @Test func cancellationOfAJobThatNobodyHasSeenMakesNoJob() async throws {
        #expect(try await tracker.jobs.requestCancel(video("typo")) == .unknown)
        #expect(try await tracker.jobs.requestCancel(video("typo")) == .unknown)
        #expect(try await tracker.jobs.jobs(limit: 10).isEmpty)
        #expect(try await tracker.jobs.job(video("typo")) == nil)
        #expect(try await tracker.jobs.jobs(id: "typo").isEmpty)
        #expect(try await tracker.jobs.ages() == LedgerAges())
        // The stage that sees the job first, as after a loss of the ledger, finds the request, and finds it once.
        let first = try await tracker.jobs.begin(
            video("typo"),
            StageMessage(stage: .upload, hop: 2, mediaID: "m", manifest: nil)
        )
        #expect(first == .proceed(starts: 1, progress: 0, isCancelRequested: true))
        #expect(try await tracker.jobs.forgetClaims(olderThan: .zero) == 0)
    }

    // As they were kept before: as a job.
    @Test func wishesInBooksOfOlderVersionsAreNoJobsAnyMore() async throws {
        try await tracker.jobs.addService(.seconds(100))
        try await tracker.ledger.write { books in
            try books.db.execute(
                sql: """
                    INSERT INTO job (kind, id, directory, createdAt, updatedAt, isCancelRequested, rememberedSince)
                        VALUES ('video', X'6F6C64', 'old', 1, 1, 1, 100000)
                    """
            )
        }
        #expect(try await tracker.jobs.ages().oldestJob == video("old"))
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .seconds(3600)) == 0)
        #expect(try await tracker.jobs.jobs(limit: 10).isEmpty)
        #expect(try await tracker.jobs.ages() == LedgerAges())
        let start = try await tracker.jobs.begin(
            video("old"),
            StageMessage(stage: .download, hop: 0, mediaID: "m", manifest: nil)
        )
        #expect(start == .proceed(starts: 1, progress: 0, isCancelRequested: true))
    }

    @Test func cancellationIsTooLateOnceCleanUpHasTheJob() async throws {
        _ = try await begin(.upload, 2)
        try await tracker.jobs.handedOver(video(), to: .cleanup, hop: 3)
        #expect(try await tracker.jobs.requestCancel(video()) == .over(nil))
        #expect(try await begin(.cleanup, 3) == .proceed(starts: 1, progress: 0))
    }

    @Test func onlyAWaitingJobIsEndedFromOutside() async throws {
        let ender: AbandonedJobEnder = { job in AbandonedHandOver(hop: job.record.hop + 1, token: "cancel") }
        _ = try await begin(.process, 1)
        #expect(try await tracker.jobs.endCancelled(video(), ender) == false)
        try await tracker.jobs.requestCancel(video())
        guard case .acquired(let lease) = try await tracker.acquireLease(video(), timeout: .zero) else {
            Issue.record("no lease")
            return
        }
        #expect(try await lab.tracker().jobs.endCancelled(video(), ender) == false)
        lease.release()
        #expect(try await tracker.jobs.endCancelled(video(), ender))
        #expect(try await begin(.process, 1) == .stale(currentHop: 2))
        let job = try #require(try await tracker.jobs.job(video()))
        #expect(job.stage == .cleanup && job.hop == 2 && job.isCancelRequested)
        #expect(try await tracker.jobs.endCancelled(video(), ender) == false)
    }

    @Test func laterRunReopensAFinishedJobAndMakesTheEarlierOneStale() async throws {
        _ = try await begin(.cleanup, 3)
        _ = try await tracker.jobs.end(video(), outcome: .failed, token: "end", record: [])
        let run = JobRun(redrives: 1)
        for (message, isNew) in [(JobRun(), false), (run, true)] {
            switch try await enter(.download, 4, message) {
            case .finished(let outcome): #expect(!isNew && outcome == .failed)
            case .entered(let entered):
                #expect(isNew && entered.starts == 1)
                entered.lease.release()
            case .held, .stale, .otherContent: Issue.record("not entered")
            }
        }
        #expect(try await begin(.cleanup, 3) == .stale(currentHop: 4))
        #expect(try await begin(.upload, 5) == .stale(currentHop: 4))
        let start = try await tracker.jobs.begin(
            video(),
            StageMessage(
                stage: .download,
                hop: 4,
                run: run,
                mediaID: "m",
                manifest: nil
            )
        )
        #expect(start == .proceed(starts: 2, progress: 0))
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "end", record: [])
        guard case .finished(.completed) = try await enter(.download, 4, run) else {
            Issue.record("the same run began twice")
            return
        }
    }
}
