import Foundation
import JobModel
import JobStore
import TempFiles
import TempFilesSupport
import Testing

@Suite struct ListingTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func begin(_ key: JobKey, _ stage: Stage = .download, hop: Int64 = 0) async throws {
        _ = try await tracker.jobs.begin(key, StageMessage(stage: stage, hop: hop, mediaID: "m", manifest: nil))
    }

    private func end(_ key: JobKey, _ outcome: JobOutcome) async throws {
        #expect(try await tracker.jobs.end(key, outcome: outcome, token: "t", record: Array("{}".utf8)) != nil)
    }

    @Test func pagesFollowEachOtherAndHoldEveryJobOnce() async throws {
        for index in 0..<7 { try await begin(video("job-\(index)")) }
        var (seen, cursor, pages): ([String], Int64?, Int) = ([], nil, 0)
        repeat {
            let page = try await tracker.jobs.jobs(JobFilter(), before: cursor, limit: 3)
            seen += page.jobs.map(\.id.string)
            cursor = page.next
            pages += 1
            // Newer jobs do not move the pages that are still to come.
            try await begin(video("later-\(pages)"))
        } while cursor != nil
        #expect(pages == 3)
        #expect(seen == (0..<7).reversed().map { "job-\($0)" })
    }

    @Test func filtersAreJoined() async throws {
        try await begin(video("a"))
        try await begin(video("b"), .process, hop: 1)
        try await begin(JobKey(kind: .image, id: "c"), .process, hop: 1)
        try await begin(video("d"))
        try await end(video("d"), .failed)
        try await begin(video("e"))
        try await end(video("e"), .completed)
        func ids(_ filter: JobFilter) async throws -> [String] {
            try await tracker.jobs.jobs(filter, before: nil, limit: 10).jobs.map(\.id.string)
        }
        #expect(try await ids(JobFilter(state: .active)) == ["c", "b", "a"])
        #expect(try await ids(JobFilter(kind: .video, stage: .process)) == ["b"])
        #expect(try await ids(JobFilter(state: .finished, outcome: .failed)) == ["d"])
        #expect(try await ids(JobFilter(kind: .image)) == ["c"])
    }

    @Test func anIDIsFoundInEveryKind() async throws {
        try await begin(video("x"))
        #expect(try await tracker.jobs.jobs(id: "x").map(\.kind) == [.video])
        try await begin(JobKey(kind: .image, id: "x"))
        #expect(try await tracker.jobs.jobs(id: "x").map(\.kind) == [.video, .image])
        #expect(try await tracker.jobs.jobs(id: "y").isEmpty)
    }

    @Test func eventsTellTheWholeLifeOfAJob() async throws {
        let key = video()
        try await begin(key)
        _ = try await tracker.jobs.recordProgress(key, percent: 1, step: "downloading_video")
        _ = try await tracker.jobs.recordProgress(key, percent: 5, step: "downloading_video")
        try await tracker.jobs.handBack(key, stage: .download, hop: 0, start: 1)
        try await begin(key)
        try await tracker.jobs.handedOver(key, to: .process, hop: 1)
        try await begin(key, .process, hop: 1)
        _ = try await tracker.jobs.requestCancel(key)
        try await tracker.jobs.handedOver(key, to: .cleanup, hop: 2)
        try await begin(key, .cleanup, hop: 2)
        try await end(key, .cancelled)
        let detail = try #require(try await tracker.jobs.detail(key, fileLimit: 10))
        let told = detail.events.map { [$0.what.rawValue, $0.stage?.rawValue, $0.detail].compactMap(\.self) }
        #expect(
            told == [
                ["started", "download"], ["step", "download", "downloading_video"], ["handedBack", "download"],
                ["started", "download"], ["handedOver", "process"], ["started", "process"],
                ["cancelRequested", "process"], ["handedOver", "cleanup"], ["started", "cleanup"],
                ["finishing", "cleanup", "cancelled"], ["finished", "cleanup", "cancelled"],
            ]
        )
        #expect(detail.events.map(\.at) == detail.events.map(\.at).sorted())
        #expect(abs(try #require(detail.events.first).at.timeIntervalSinceNow) < 60)
    }

    @Test func aJobThatComesBackForEverKeepsItsNewestEvents() async throws {
        let key = video()
        for _ in 0..<150 {
            try await begin(key)
            try await tracker.jobs.handBack(key, stage: .download, hop: 0, start: 1)
        }
        _ = try await tracker.jobs.recordProgress(key, percent: 1, step: "waiting_for_space")
        let events = try #require(try await tracker.jobs.detail(key, fileLimit: 0)).events
        #expect(events.count == JobDetail.maximumEvents)
        #expect(events.last?.detail == "waiting_for_space")
    }

    @Test func eventsAreForgottenWithTheirJob() async throws {
        try await begin(video())
        try await end(video(), .completed)
        try await tracker.jobs.addService(.seconds(1))
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .zero) == 1)
        try await begin(video())
        #expect(try await tracker.jobs.detail(video(), fileLimit: 0)?.events.map(\.what) == [.started])
    }

    @Test func filesAreCountedByJobAndByStage() async throws {
        let key = video()
        try await begin(key)
        guard case .acquired(let lease) = try await tracker.acquireLease(key, timeout: .zero) else { return }
        defer { lease.release() }
        let manifest = ["a", "b"].map { name in
            TempFileEntry(
                path: "\(lab.workspacePath)/jobs/video/\(key.id)/\(name)",
                stage: .downloading,
                createdAt: nil,
                sizeBytes: 0,
                type: .input,
                description: ""
            )
        }
        for entry in manifest { try Data(count: 100).write(to: URL(filePath: entry.path.string)) }
        _ = try await tracker.jobs.begin(key, StageMessage(stage: .download, hop: 0, mediaID: "m", manifest: manifest))
        #expect(try await tracker.fileTotals(of: [key, video("none")]) == [key: FileTotals(files: 2, sizeBytes: 200)])
        let byStage = StageFileTotals(kind: .video, stage: .downloading, totals: FileTotals(files: 2, sizeBytes: 200))
        #expect(try await tracker.statisticsByStage() == [byStage])
        let detail = try #require(try await tracker.jobs.detail(key, fileLimit: 1))
        #expect(detail.files.map(\.path) == [manifest[0].path] && detail.totals.files == 2)
    }

    @Test func theOldestIsKnown() async throws {
        #expect(try await tracker.jobs.ages() == LedgerAges())
        try await begin(video("old"))
        lab.clock.advance(by: 100)
        try await begin(video("young"))
        let ages = try await tracker.jobs.ages()
        #expect(ages.oldestJob == video("old"))
        #expect((ages.oldestJobAge ?? .zero) >= .seconds(100))
        try await end(video("old"), .completed)
        #expect(try await tracker.jobs.ages().oldestJob == video("young"))
    }
}
