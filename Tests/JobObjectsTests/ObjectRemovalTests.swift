import Foundation
import JobModel
import JobStore
import Logging
import Settings
import Storage
import TempFiles
import TempFilesSupport
import TestSupport
import Testing

@testable import JobObjects

/// A tracker, a store that is a directory, and settings for both.
struct RemovalLab {
    let lab: Lab
    let tracker: TempFileTracker
    let settings: Settings
    let store: LocalDirectoryStore
    let job = JobKey(kind: .image, id: "job")

    init(_ variables: [String: String] = [:]) throws {
        lab = try Lab()
        tracker = try lab.tracker()
        let own = [
            "TEMP_DIR": lab.temporaryDirectory, "STORAGE_URL": "file://\(lab.temporaryDirectory)/store",
            "ORPHAN_GRACE_MINUTES": "0",
        ]
        settings = try Settings.from(own.merging(variables) { $1 })
        store = try LocalDirectoryStore(creating: lab.temporaryDirectory + "/store")
    }

    var name: ByteText { ByteText(store.description) }

    var ticket: Ticket {
        var ticket = Ticket(id: job.id, mediaID: "m", kind: .image)
        ticket.outcome = .failed
        return ticket
    }

    /// - Parameter store: nil for the directory.
    func removal(_ store: (any Store)? = nil) -> ObjectRemoval {
        guard let store else { return ObjectRemoval(settings, tracker, logger: lab.log.logger) }
        return ObjectRemoval(settings, tracker, logger: lab.log.logger) { store }
    }

    /// A job that has begun.
    func begin() async throws {
        _ = try await tracker.jobs.begin(job, StageMessage(stage: .upload, hop: 1, mediaID: "m", manifest: nil))
    }

    /// Puts an object as the upload stage does.
    @discardableResult
    func put(
        _ key: String,
        text: String? = nil,
        isNoted: Bool = true,
        in other: (any Store)? = nil
    ) async throws -> PublishedObject {
        let store: any Store = other ?? self.store
        let file = try await tracker.makeFile(key, bytes: 10, job: job, type: .output)
        if let text { try Data(text.utf8).write(to: URL(filePath: file.absolutePath)) }
        let place = ByteText(store.description)
        try await tracker.planObjects(
            [JobObject(key: ByteText(key), store: place, state: .planned, name: key)],
            job: job
        )
        let object = NewObject(path: file.absolutePath, key: try ObjectKey(key), owner: job.objectOwner)
        let published = try await store.put(object) { _ in }
        guard isNoted else { return published }
        let record = PublishedFile(
            key: key,
            location: published.location,
            sizeBytes: published.sizeBytes,
            validator: published.validator?.bytes
        )
        try await tracker.notePublished([ByteText(file.absolutePath): record], job: job, in: place)
        _ = await tracker.releaseFiles([key], job: job)
        return published
    }

    /// Puts an object as somebody else does.
    func putForeign(_ key: String, _ text: String) throws {
        let path = lab.temporaryDirectory + "/store/" + key
        try FileManager.default.createDirectory(
            atPath: URL(filePath: path).deletingLastPathComponent().path,
            withIntermediateDirectories: true
        )
        try? FileManager.default.removeItem(atPath: path)
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    func has(_ key: String) -> Bool { exists(lab.temporaryDirectory + "/store/" + key) }

    func index(of job: JobKey, _ keys: [String]) -> String {
        var ticket = Ticket(id: job.id, mediaID: "m", kind: job.kind)
        ticket.outputs = keys.map { JobOutput(kind: .imageScaled, key: ByteText($0)) }
        return String(decoding: ResultIndex(ticket).json.serialized(), as: UTF8.self)
    }

    func putIndex(of job: JobKey, _ keys: [String]) throws { try putForeign("m/result.json", index(of: job, keys)) }
}

@Suite("Removing the objects of a job")
struct ObjectRemovalTests {
    @Test("removes those that it has put, noted or not, and its index; again does nothing")
    func all() async throws {
        let lab = try RemovalLab()
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        try await lab.put("images/m_180p.jpg")
        try await lab.put("images/m_360p.jpg", isNoted: false)
        try await lab.put("m/result.json", text: lab.index(of: lab.job, ["images/m_180p.jpg", "images/m_360p.jpg"]))
        try lab.putForeign("images/other_180p.jpg", "not ours")
        let report = try await lab.removal().run(lab.ticket)
        #expect(report.removed == 3 && report.kept == 0)
        #expect(!lab.has("images/m_180p.jpg") && !lab.has("images/m_360p.jpg") && !lab.has("m/result.json"))
        #expect(lab.has("images/other_180p.jpg"))
        #expect(try await lab.tracker.objects(lab.job).isEmpty)
        #expect(try await lab.removal().run(lab.ticket) == ObjectRemoval.Report())
        lease.release()
    }

    @Test("removes an index whose putting was never noted, by its bytes, and also under a key that is no longer set")
    func index() async throws {
        for key in ["m/result.json", "results/m.json"] {
            let lab = try RemovalLab()
            try await lab.begin()
            let lease = try await lab.tracker.lease(lab.job)
            let planned = JobObject(key: ByteText(key), store: lab.name, state: .planned, name: JobObject.indexName)
            try await lab.tracker.planObjects([planned], job: lab.job)
            try lab.putForeign(key, lab.index(of: JobKey(kind: .image, id: "earlier"), ["images/m_180p.jpg"]))
            #expect(try await lab.removal().run(lab.ticket) == ObjectRemoval.Report())
            #expect(lab.has(key))
            try await lab.tracker.planObjects([planned], job: lab.job)
            try lab.putForeign(key, lab.index(of: lab.job, ["images/m_180p.jpg"]))
            #expect(try await lab.removal().run(lab.ticket).removed == 1)
            #expect(!lab.has(key))
            #expect(try await lab.tracker.objects(lab.job).isEmpty)
            lease.release()
        }
    }

    @Test("keeps what a complete result of the same medium lists, and its index")
    func earlierResult() async throws {
        let lab = try RemovalLab()
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        try await lab.put("images/m_180p.jpg")
        try await lab.put("images/m_360p.jpg")
        let earlier = JobKey(kind: .image, id: "earlier")
        try lab.putIndex(of: earlier, ["images/m_180p.jpg"])
        let report = try await lab.removal().run(lab.ticket)
        #expect(report.removed == 1 && report.kept == 1)
        #expect(lab.has("images/m_180p.jpg") && !lab.has("images/m_360p.jpg") && lab.has("m/result.json"))
        #expect(try await lab.tracker.objects(lab.job).isEmpty)
        lease.release()
    }

    @Test("keeps what somebody else has put under its key since, were it of the same bytes")
    func replaced() async throws {
        let lab = try RemovalLab()
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        try await lab.put("images/m_180p.jpg")
        try lab.putForeign("images/m_180p.jpg", String(repeating: "\u{7}", count: 10))
        #expect(try await lab.removal().run(lab.ticket).kept == 1)
        #expect(lab.has("images/m_180p.jpg"))
        lease.release()
    }

    @Test("touches nothing that a forged message names: other keys, and its own of a medium with a complete result")
    func forged() async throws {
        let lab = try RemovalLab()
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        let keys = ["secret", "images/other_180p.jpg", "images/m_180p.jpg", "videos/m_360p.mp4", "m/result.json"]
        for key in keys { try lab.putForeign(key, "not ours") }
        try lab.putIndex(of: JobKey(kind: .image, id: "earlier"), ["images/m_180p.jpg"])
        var forged = lab.ticket
        forged.resultKey = "secret"
        for key in keys + ["../../etc/passwd", ""] {
            for kind in [JobOutput.Kind.imageScaled, .thumbnail, .scaled, .original] {
                var output = JobOutput(kind: kind, key: ByteText(key))
                output.quality = "180p"
                output.location = "file://\(lab.lab.temporaryDirectory)/store/\(key)"
                forged.outputs.append(output)
            }
        }
        let report = try await lab.removal().run(forged)
        #expect(report.removed == 0)
        #expect(keys.allSatisfy { lab.has($0) })
        lease.release()
    }

    @Test("removes what another host has put for the job, as its message says, under the keys of the templates alone")
    func otherHost() async throws {
        let lab = try RemovalLab()
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        // The other host has the same directory.
        let file = lab.lab.temporaryDirectory + "/theirs"
        for (key, owner) in [
            ("images/m_180p.jpg", lab.job.objectOwner), ("images/n_180p.jpg", lab.job.objectOwner),
            ("images/m_360p.jpg", JobKey(kind: .image, id: "other").objectOwner),
        ] {
            try Data(key.utf8).write(to: URL(filePath: file))
            var object = NewObject(path: file, key: try ObjectKey(key), owner: owner)
            object.isCopied = true
            _ = try await lab.store.put(object) { _ in }
        }
        // Of an operator, with a name that fits: anybody can choose media id and quality.
        try lab.putForeign("images/m_2024.jpg", "nobody's")
        var ticket = lab.ticket
        for (key, quality) in [
            ("images/m_180p.jpg", "180p"), ("images/n_180p.jpg", "180p"), ("images/m_360p.jpg", "360p"),
            ("images/m_2024.jpg", "2024"),
        ] {
            var output = JobOutput(kind: .imageScaled, key: ByteText(key))
            output.quality = quality
            output.location = "somewhere"
            ticket.outputs.append(output)
        }
        #expect(try await lab.removal().run(ticket).removed == 1)
        #expect(!lab.has("images/m_180p.jpg") && lab.has("images/n_180p.jpg"))
        #expect(lab.has("images/m_360p.jpg") && lab.has("images/m_2024.jpg"))
        lease.release()
    }

    @Test("leaves all in the ledger while the store is away; what is left goes later, and is told at the end")
    func away() async throws {
        let lab = try RemovalLab(["RESULT_KEY": "off"])
        let store = MemoryStore()
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        for key in ["a", "b", "c"] { try await lab.put(key, in: store) }
        store.fail(.delete, .transient())
        await #expect(throws: StorageError.self) { try await lab.removal(store).run(lab.ticket) }
        lease.release()
        let left = try await lab.tracker.objects(lab.job).count
        #expect(left == 3 && store.objects.count == 3)
        let end = try await lab.tracker.jobs.end(lab.job, outcome: .failed, token: "t", record: Array("{}".utf8))
        #expect(end?.leftObjects == 3)
        #expect(try await lab.tracker.jobsWithLeftObjects() == [lab.job])
        // Somebody who holds the job's lease is at it.
        let held = try #require(try await lab.tracker.tryLease(ofFinished: lab.job))
        #expect(try await lab.removal(store).removeLeft() == ObjectRemoval.Report())
        held.hold.releaseRemovingEmptyDirectory()
        #expect(try await lab.removal(store).removeLeft().removed == 3)
        #expect(store.objects.isEmpty)
        #expect(try await lab.tracker.jobsWithLeftObjects().isEmpty)
    }

    @Test("forgets them when the job completes")
    func completed() async throws {
        let lab = try RemovalLab()
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        try await lab.put("images/m_180p.jpg")
        lease.release()
        let end = try await lab.tracker.jobs.end(lab.job, outcome: .completed, token: "t", record: [])
        #expect(end?.leftObjects == 0)
        #expect(try await lab.tracker.objects(lab.job).isEmpty)
        #expect(lab.has("images/m_180p.jpg"))
    }

    @Test("does nothing in a store that is another one by now")
    func otherStore() async throws {
        let lab = try RemovalLab(["RESULT_KEY": "off"])
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        try await lab.put("images/m_180p.jpg")
        let other = MemoryStore()
        let object = NewObject(path: try lab.lab.outsideFile("x"), key: try ObjectKey("images/m_180p.jpg"))
        _ = try await other.put(object) { _ in }
        let report = try await lab.removal(other).run(lab.ticket)
        #expect(report.elsewhere == 1 && report.removed == 0 && other.objects.count == 1)
        #expect(try await lab.tracker.objects(lab.job).count == 1)
        lease.release()
    }

    @Test("removes nothing when the index cannot be read: it may be that of a complete result")
    func unreadableIndex() async throws {
        let lab = try RemovalLab()
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        try await lab.put("images/m_180p.jpg")
        try lab.putForeign("m/result.json", "no JSON")
        await #expect(throws: StorageError.self) { try await lab.removal().run(lab.ticket) }
        #expect(lab.has("images/m_180p.jpg"))
        lease.release()
    }

    @Test("removes the objects of a job in its destination, and one that is no longer allowed holds up no other job")
    func destinations() async throws {
        let place = "file:///tmp/removal-\(UUID().uuidString)"
        let path = String(place.dropFirst("file://".count))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let lab = try RemovalLab(["RESULT_KEY": "off", "DESTINATION_PREFIXES": place])
        for (id, destination) in [("gone", "file:///srv/no-longer-allowed"), ("here", place + "/eve")] {
            let job = JobKey(kind: .image, id: ByteText(id))
            _ = try await lab.tracker.jobs.begin(job, StageMessage(stage: .upload, hop: 1, mediaID: "m", manifest: nil))
            var ticket = Ticket(id: job.id, mediaID: "m", kind: .image)
            (ticket.destination, ticket.outcome) = (destination, .failed)
            let store = try LocalDirectoryStore(creating: path + "/eve")
            let lease = try await lab.tracker.lease(job)
            let file = try await lab.tracker.makeFile("a", bytes: 10, job: job, type: .output)
            let object = NewObject(path: file.absolutePath, key: try ObjectKey(id), owner: job.objectOwner)
            let published = try await store.put(object) { _ in }
            let validator = published.validator?.bytes
            let record = PublishedFile(key: id, location: published.location, sizeBytes: 10, validator: validator)
            try await lab.tracker.notePublished(
                [ByteText(file.absolutePath): record],
                job: job,
                in: ByteText(store.description)
            )
            lease.release()
            _ = try await lab.tracker.jobs.end(job, outcome: .failed, token: "t", record: ticket.json.serialized())
        }
        let error = await #expect(throws: StorageError.self) { try await lab.removal().removeLeft() }
        #expect(error?.code == .destinationNotAllowed)
        #expect(try await lab.tracker.jobsWithLeftObjects() == [JobKey(kind: .image, id: "gone")])
        #expect(try FileManager.default.contentsOfDirectory(atPath: path + "/eve") == ["gone"])
    }

    @Test("does not look for what was put to a signed URL")
    func signed() async throws {
        let lab = try RemovalLab(["RESULT_KEY": "off"])
        try await lab.begin()
        let lease = try await lab.tracker.lease(lab.job)
        defer { lease.release() }
        for key in ["images/m_180p.jpg", "images/m_360p.jpg"] { try lab.putForeign(key, "x") }
        var ticket = lab.ticket
        ticket.uploadURLs = [UploadURL(name: "180p", url: "https://h.example/a?sig=hunter2")]
        ticket.outputs = ["180p", "360p"].map { quality in
            var output = JobOutput(kind: .imageScaled, key: "images/m_\(quality).jpg")
            (output.quality, output.location) = (quality, "anywhere")
            return output
        }
        let known = try await lab.tracker.objects(lab.job)
        #expect(known.isEmpty)
        _ = try await lab.removal().run(ticket)
        #expect(lab.has("images/m_180p.jpg"))
    }
}
