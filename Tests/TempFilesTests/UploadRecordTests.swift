import JobModel
import JobStore
import TempFilesSupport
import Testing

@testable import TempFiles

/// Uploads in parts that jobs have begun, as the ledger has them.
@Suite struct UploadRecordTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func upload(_ id: ByteText, key: ByteText = "videos/m_360p.mp4") -> JobUpload {
        JobUpload(store: "s3://media", key: key, id: id)
    }

    @Test func uploadsAreThoseOfTheirJobAloneAndTheNewestComesFirst() async throws {
        let lease = try await tracker.lease(video())
        // Two that look the same are two.
        let all = [upload("1"), upload("e\u{301}"), upload("\u{E9}"), upload("1", key: "other")]
        for upload in all + all { try await tracker.noteUpload(upload, job: video()) }
        let later = try lab.tracker()
        #expect(try await later.uploads(video()) == all.reversed())
        #expect(try await later.uploads(image()).isEmpty)
        try await tracker.forgetUpload(upload("e\u{301}"), job: video())
        try await tracker.forgetUpload(upload("1"), job: image())
        #expect(try await tracker.uploads(video()) == [all[3], all[2], all[0]])
        lease.release()
    }

    @Test(arguments: [JobOutcome.completed, .failed, .cancelled])
    func uploadsOfAJobThatHasNotCompletedAreLeftForWhoeverAbortsThem(_ outcome: JobOutcome) async throws {
        let lease = try await tracker.lease(video())
        try await tracker.noteUpload(upload("1"), job: video())
        lease.release()
        _ = try await tracker.jobs.end(video(), outcome: outcome, token: "t", record: Array("{}".utf8))
        #expect(try await tracker.uploads(video()).map(\.id) == (outcome == .completed ? [] : ["1"]))
        await #expect(throws: TempFileError.self) { try await tracker.noteUpload(upload("2"), job: video()) }
        try await tracker.forgetUpload(upload("1"), job: video())
        #expect(try await tracker.uploads(video()).isEmpty)
    }
}
