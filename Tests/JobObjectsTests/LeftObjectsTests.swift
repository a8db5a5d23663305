import Foundation
import JobModel
import JobStore
import Storage
import TempFiles
import TempFilesSupport
import TestSupport
import Testing

@testable import JobObjects

@Suite("Objects that ended jobs have left")
struct LeftObjectsTests {
    /// A job that has failed and left an object.
    private func leave(_ id: String, _ lab: RemovalLab) async throws {
        let job = JobKey(kind: .image, id: ByteText(id))
        _ = try await lab.tracker.jobs.begin(job, StageMessage(stage: .upload, hop: 1, mediaID: "m", manifest: nil))
        let file = lab.lab.temporaryDirectory + "/file"
        try Data(id.utf8).write(to: URL(filePath: file))
        var object = NewObject(path: file, key: try ObjectKey("images/\(id)_180p.jpg"), owner: job.objectOwner)
        object.isCopied = true
        _ = try await lab.store.put(object) { _ in }
        let planned = JobObject(key: ByteText(object.key.rawValue), store: lab.name, state: .planned)
        try await lab.tracker.planObjects([planned], job: job)
        var ticket = Ticket(id: job.id, mediaID: ByteText(id), kind: .image)
        ticket.outcome = .failed
        _ = try await lab.tracker.jobs.end(job, outcome: .failed, token: "t", record: ticket.json.serialized())
    }

    @Test("go though the index of any number of others cannot be read, and those wait")
    func fair() async throws {
        let lab = try RemovalLab()
        // A page has 100.
        let troubled = (1...101).map { "bad-\($0)" }
        for id in troubled {
            try await leave(id, lab)
            try lab.putForeign("\(id)/result.json", "no JSON")
        }
        for id in ["good-1", "good-2"] { try await leave(id, lab) }
        for _ in 1...2 {
            await #expect(throws: StorageError.self) { try await lab.removal().removeLeft() }
            #expect(!lab.has("images/good-1_180p.jpg") && !lab.has("images/good-2_180p.jpg"))
            #expect(troubled.allSatisfy { lab.has("images/\($0)_180p.jpg") })
        }
        #expect(try await lab.tracker.jobsWithLeftObjects(limit: 1000).count == troubled.count)
        for id in troubled { try FileManager.default.removeItem(atPath: lab.lab.temporaryDirectory + "/store/" + id) }
        #expect(try await lab.removal().removeLeft().removed == troubled.count)
        #expect(try await lab.tracker.jobsWithLeftObjects().isEmpty)
    }

    // MARK: - Uploads in parts

    private func sweep(_ lab: RemovalLab, _ store: MemoryStore) -> StoreSweep {
        StoreSweep(lab.settings, lab.tracker, logger: lab.lab.log.logger) { store }
    }

    private func begin(_ id: String, _ upload: String?, _ lab: RemovalLab) async throws -> JobKey {
        let job = JobKey(kind: .video, id: ByteText(id))
        _ = try await lab.tracker.jobs.begin(job, StageMessage(stage: .upload, hop: 1, mediaID: "m", manifest: nil))
        try await lab.tracker.planObjects([JobObject(key: "k", store: "memory:", state: .planned)], job: job)
        if let upload {
            try await lab.tracker.noteUpload(JobUpload(store: "memory:", key: "k", id: ByteText(upload)), job: job)
        }
        return job
    }

    @Test("do not make the upload of another host's job theirs, which was begun before their end under the same key")
    func otherHost() async throws {
        let lab = try RemovalLab(["JOB_MAX_AGE_HOURS": "24"])
        let store = MemoryStore()
        let job = try await begin("ended", "own", lab)
        _ = try await lab.tracker.jobs.end(job, outcome: .failed, token: "t", record: [])
        store.uploads = ["own", "theirs"].map { OpenUpload(key: "k", id: $0, ageSeconds: 3600) }
        let found = await sweep(lab, store).look().uploads
        #expect(found.first { $0.upload.id == "own" }?.reason == .endedJob)
        #expect(found.first { $0.upload.id == "own" }?.job == job)
        #expect(found.first { $0.upload.id == "theirs" }?.reason == .unknownUpload)
        #expect(found.filter(\.isRemovable).map(\.upload.id) == ["own"])
        let cleaned = await sweep(lab, store).clean()
        #expect(cleaned.abortedUploads == 1)
        #expect(store.uploads.map(\.id) == ["theirs"])
    }

    @Test("and a job that goes on under the same key: its uploads stay however old, noted or not, and theirs go")
    func sameKey() async throws {
        let lab = try RemovalLab()
        let store = MemoryStore()
        let ended = try await begin("ended", "old", lab)
        _ = try await lab.tracker.jobs.end(ended, outcome: .failed, token: "t", record: [])
        _ = try await begin("going", "live", lab)
        store.uploads = ["old", "live", "just begun"].map { OpenUpload(key: "k", id: $0, ageSeconds: 1_000_000) }
        _ = await sweep(lab, store).clean()
        #expect(Set(store.uploads.map(\.id)) == ["live", "just begun"])
    }
}
