import Foundation
import GRDB
import JobModel
import JobStore
import TempFiles
import TempFilesSupport
import Testing

@testable import Ledger

@Suite struct StartingTests {
    let lab: Lab
    let tracker: TempFileTracker

    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func enter(
        _ stage: Stage,
        _ hop: Int64,
        manifest: [TempFileEntry] = [],
        progress: JobProgress? = nil,
        timeout: Duration = .zero
    ) async throws -> StageEntry {
        let message = StageMessage(
            stage: stage,
            hop: hop,
            mediaID: "media",
            manifest: manifest,
            ticket: Array("{}".utf8),
            progress: progress
        )
        return try await tracker.jobs.enter(video(), message, timeout: timeout)
    }

    private func entered(
        _ stage: Stage,
        _ hop: Int64,
        manifest: [TempFileEntry] = [],
        progress: JobProgress? = nil
    ) async throws -> EnteredStage {
        let entry = try await enter(stage, hop, manifest: manifest, progress: progress)
        guard case .entered(let entered) = entry else { throw LabError(message: "not entered: \(entry)") }
        return entered
    }

    @Test func looksForSpaceChangeNothingUntilThereIsSome() async throws {
        let (key, started) = (video(), JobProgress(percent: 0, step: "downloading_video", newsInterval: .zero))
        func look(_ tracker: TempFileTracker) async throws -> (news: Int?, isWaiting: Bool, starts: Int) {
            let message = StageMessage(
                stage: .download,
                hop: 0,
                mediaID: "media",
                manifest: [],
                ticket: nil,
                progress: started
            )
            guard case .entered(let entered) = try await tracker.jobs.enter(key, message, timeout: .zero) else {
                throw LabError(message: "not entered")
            }
            entered.lease.release()
            return (entered.news, entered.wait == .space, entered.starts)
        }
        func waits() async throws -> Int? {
            try await tracker.jobs.recordNews(key, percent: 0, step: "waiting_for_space", interval: .zero)
        }
        func back(start: Int = 1) async throws {
            try await tracker.jobs.handBack(key, stage: .download, hop: 0, start: start)
        }
        func events() async throws -> [String] {
            try #require(try await tracker.jobs.detail(key, fileLimit: 0)).events.map {
                [$0.what.rawValue, $0.detail].compactMap(\.self).joined(separator: " ")
            }
        }
        #expect(try await look(tracker) == (0, false, 1))
        #expect(try await waits() == 0)
        try await back()
        for _ in 0..<20 {
            // Another process each time.
            #expect(try await look(try lab.tracker()) == (nil, true, 1))
            try await back()
        }
        #expect(try await tracker.jobs.job(key)?.step == "waiting_for_space")
        #expect(try await events() == ["started", "step downloading_video", "step waiting_for_space"])
        // A worker that dies while it looks is counted all the same.
        #expect(try await look(tracker).starts == 1)
        #expect(try await look(tracker).starts == 2)
        #expect(try await tracker.jobs.recordNews(key, percent: 0, step: "downloading_video", interval: .zero) == 0)
        try await back(start: 2)
        #expect(try await look(tracker) == (0, false, 2))
        #expect(try await events().suffix(3) == ["step downloading_video", "handedBack", "started"])
        // The end of a job that waited is told like any other.
        _ = try await waits()
        try await tracker.jobs.handedOver(key, to: .cleanup, hop: 1)
        _ = try await tracker.jobs.begin(key, StageMessage(stage: .cleanup, hop: 1, mediaID: "media", manifest: nil))
        #expect(try await events().suffix(3) == ["step waiting_for_space", "handedOver", "started"])
    }

    @Test func leaseAndStartAreOne() async throws {
        let first = try await entered(.download, 0)
        #expect(first.starts == 1 && !first.isCancelRequested && first.news == nil && first.files.isEmpty)
        guard case .held = try await enter(.download, 0) else {
            Issue.record("two have the job")
            return
        }
        #expect(try await lab.tracker().jobs.job(video())?.stage == .download)
        first.lease.release()
        let second = try await entered(.download, 0)
        #expect(second.starts == 2)
        try await tracker.jobs.requestCancel(video())
        second.lease.release()
        let third = try await entered(.download, 0, progress: JobProgress(percent: 5, step: "downloading_video"))
        #expect(third.isCancelRequested && third.news == nil)
        #expect(try await tracker.jobs.job(video())?.progress == 0)
        third.lease.release()
    }

    @Test func startIsNewsOnceInAWhile() async throws {
        let progress = JobProgress(percent: 10, step: "processing_video", newsInterval: .seconds(3600))
        for (seconds, news) in [(0, 10), (60, nil), (3600, 10)] as [(TimeInterval, Int?)] {
            lab.clock.advance(by: seconds)
            let entered = try await entered(.process, 1, progress: progress)
            #expect(entered.news == news)
            entered.lease.release()
        }
        let job = try #require(try await tracker.jobs.job(video()))
        #expect(job.progress == 10 && job.step == "processing_video")
    }

    @Test func nothingIsLeftOfALateDuplicate() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.jobs.handedOver(video(), to: .upload, hop: 4)
        _ = try await tracker.cleanupJobTempFiles(video())
        lease.release()
        guard case .stale(4) = try await enter(.process, 3) else {
            Issue.record("a late duplicate began")
            return
        }
        #expect(try lab.leftovers() == [])
        _ = try await tracker.jobs.end(video(), outcome: .failed, token: "t", record: [])
        guard case .finished(.failed) = try await enter(.process, 5) else {
            Issue.record("a finished job began")
            return
        }
        #expect(try lab.leftovers() == [])
    }

    @Test func endOfTheHolderThatWasWaitedForIsSeen() async throws {
        let other = try lab.tracker()
        let lease = try await other.lease(video())
        async let waiting = enter(.cleanup, 3, timeout: .seconds(60))
        _ = try await other.jobs.end(video(), outcome: .completed, token: "t", record: [])
        lease.releaseRemovingEmptyDirectory()
        guard case .finished(.completed) = try await waiting else {
            Issue.record("a job was done twice")
            return
        }
        #expect(try lab.leftovers() == [])
    }

    @Test func stageIsToldWhatTheBooksHaveAndWhatTheManifestAdds() async throws {
        let first = try await entered(.download, 0)
        let known = try await tracker.makeFile("source", bytes: 7, job: video(), type: .input, stage: .download)
        let lost = tracker.workspace.absolutePath(of: "lost", job: video())
        try Data("found".utf8).write(to: URL(fileURLWithPath: lost))
        let (news, manifest) = try await tracker.jobs.recordCompletion(
            video(),
            JobProgress(percent: 10, step: "download_complete", newsInterval: .seconds(5))
        )
        #expect(news == 10)
        #expect(manifest.map(\.path.string) == [known.absolutePath])
        first.lease.release()
        let more = [lost, tracker.workspace.absolutePath(of: "gone", job: video())].map {
            TempFileEntry(path: ByteText($0), stage: nil, createdAt: nil, sizeBytes: 99, type: .output, description: "")
        }
        let second = try await entered(.process, 1, manifest: manifest + more)
        #expect(second.files.map(\.path.string) == [known.absolutePath, lost])
        #expect(second.files.map(\.sizeBytes) == [7, 5])
        #expect(!second.hasCompressedFiles)
        second.lease.release()
    }

    @Test func startThatCannotBePutOnTheBooksIsNotCounted() async throws {
        let first = try await entered(.process, 1)
        let path = tracker.workspace.absolutePath(of: "found", job: video())
        try Data("found".utf8).write(to: URL(fileURLWithPath: path))
        let entry = TempFileEntry(
            path: ByteText(path),
            stage: nil,
            createdAt: nil,
            sizeBytes: 5,
            type: .output,
            description: ""
        )
        first.lease.release()
        try await tracker.ledger.write { books in
            try books.db.execute(sql: "CREATE TRIGGER full BEFORE INSERT ON file BEGIN SELECT RAISE(FAIL, 'full'); END")
        }
        for _ in 1...3 {
            let error = await failure { _ = try await enter(.process, 1, manifest: [entry]) }
            #expect(error?.code == .ledger)
        }
        try await tracker.ledger.write { try $0.db.execute(sql: "DROP TRIGGER full") }
        let second = try await entered(.process, 1, manifest: [entry])
        #expect(second.starts == 2)
        #expect(second.files.map(\.path.string) == [path])
        second.lease.release()
    }

    @Test func fieldsThatTheBooksHaveAlreadyAreNotWrittenAgain() async throws {
        let first = try await entered(.download, 0)
        try await tracker.makeFile("source", bytes: 7, job: video(), type: .input, stage: .download)
        first.lease.release()
        var manifest = try await tracker.jobTempFiles(video())
        try #require(manifest.count == 1)
        manifest[0].unknown = ["future": ["b": 1, "a": [1.5, "x"]]]
        for hop in 1...3 as ClosedRange<Int64> {
            let entered = try await entered(.process, hop, manifest: manifest)
            #expect(entered.files == manifest)
            entered.lease.release()
            try await tracker.ledger.write { books in
                try books.db.execute(
                    sql: "CREATE TRIGGER IF NOT EXISTS full BEFORE INSERT ON file BEGIN SELECT RAISE(FAIL, 'full'); END"
                )
            }
        }
    }

    @Test func endIsKnownWhileSomebodyHoldsTheLease() async throws {
        let lease = try await lab.tracker().lease(video())
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "t", record: [])
        guard case .finished(.completed) = try await enter(.cleanup, 3) else {
            Issue.record("a finished job is waited for")
            return
        }
        lease.release()
    }
}
