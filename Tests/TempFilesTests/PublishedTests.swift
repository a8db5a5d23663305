import JobModel
import JobStore
import TempFilesSupport
import Testing

@testable import TempFiles

@Suite struct PublishedTests {
    let lab: Lab
    let tracker: TempFileTracker
    private let record = PublishedFile(key: "videos/m_360p.mp4", location: "file:///store/x", sizeBytes: 10)
    private let other = PublishedFile(key: "videos/m_540p.mp4", location: "file:///store/y", sizeBytes: 11)
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    @Test func outputsAreRememberedByPathOrNameOnceTheirFileIsGone() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("out/x.mp4", bytes: 10, job: video(), type: .output)
        #expect(try await tracker.published(video()).isEmpty)
        try await tracker.notePublished([ByteText(file.absolutePath): record], job: video())
        #expect(await tracker.releaseFiles([file.absolutePath], job: video()).filesCleaned == 1)
        let later = try lab.tracker()
        #expect(try await later.published(video()) == [ByteText(file.absolutePath): record])
        #expect(try await later.published(image()).isEmpty)
        try await tracker.notePublished(["out/x.mp4": other], job: video())
        #expect(try await later.published(video()) == [ByteText(file.absolutePath): other])
        lease.release()
    }

    @Test func fileThatIsMadeAnewIsNotPublished() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("x", bytes: 10, job: video(), type: .output)
        try await tracker.notePublished(["x": record], job: video())
        try await tracker.makeFile("x", bytes: 20, job: video(), type: .output)
        #expect(try await tracker.published(video()).isEmpty)
        lease.release()
    }

    @Test func endOfTheJobForgetsThem() async throws {
        try await tracker.notePublished(["x": record], job: video())
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "end", record: [])
        #expect(try await tracker.published(video()).isEmpty)
        #expect(
            await failure { try await tracker.notePublished(["x": record], job: video()) }?.code == .jobFinished
        )
        let error = await failure { try await tracker.notePublished(["../x": record], job: image()) }
        #expect(error?.code == .foreignPath)
    }
}
