import JobModel
import Testing

@testable import TempFiles

@Suite struct PublishedTests {
    let lab: Lab
    let tracker: TempFileTracker
    private let record = PublishedFile(key: "videos/m_360p.mp4", location: "file:///store/x", sizeBytes: 10)
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    @Test func outputsAreRememberedByPathOrNameOnceTheirFileIsGone() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("out/x.mp4", bytes: 10, job: video(), type: .output)
        #expect(try await tracker.published("out/x.mp4", job: video()) == nil)
        try await tracker.notePublished(record, path: file.absolutePath, job: video())
        #expect(await tracker.releaseFiles([file.absolutePath], job: video()).filesCleaned == 1)
        let later = try lab.tracker()
        #expect(try await later.published("out/x.mp4", job: video()) == record)
        #expect(try await later.published(file.absolutePath, job: video()) == record)
        #expect(try await later.published("/etc/passwd", job: video()) == nil)
        #expect(try await later.published("out/x.mp4", job: image()) == nil)
        lease.release()
    }

    @Test func fileThatIsMadeAnewIsNotPublished() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("x", bytes: 10, job: video(), type: .output)
        try await tracker.notePublished(record, path: "x", job: video())
        try await tracker.makeFile("x", bytes: 20, job: video(), type: .output)
        #expect(try await tracker.published("x", job: video()) == nil)
        lease.release()
    }

    @Test func endOfTheJobForgetsThem() async throws {
        try await tracker.notePublished(record, path: "x", job: video())
        try await tracker.finish(video(), outcome: .completed, record: [])
        #expect(try await tracker.published("x", job: video()) == nil)
        #expect(
            await failure { try await tracker.notePublished(record, path: "x", job: video()) }?.code == .jobFinished
        )
        let error = await failure { try await tracker.notePublished(record, path: "../x", job: image()) }
        #expect(error?.code == .foreignPath)
    }
}
