import CrashPoints
import Foundation
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

/// Trees whose jobs do not complete, after they have put something into the store.
@Suite("The objects of a job that does not complete", .serialized, .timeLimit(.minutes(10)))
struct ObjectRemovalTests {
    /// A point of the upload, and which crossing of it.
    struct Place: Sendable {
        var point: CrashPoint
        var crossing: Int

        init(_ point: CrashPoint, _ crossing: Int) { (self.point, self.crossing) = (point, crossing) }
    }

    private static func publish(_ tree: TestTree, id: String, media: String) async throws {
        try await tree.publish(
            [
                "id": .string(id), "mediaId": .string(media), "userId": "u", "mediaType": "IMAGE",
                "source": .string("file://\(tree.sources)/photo.jpg"),
            ],
            to: tree.names.entry(.image)
        )
    }

    /// Cancels a job when its worker comes to a point of the upload.
    private static func cancel(_ tree: TestTree, id: String, at point: CrashPoint, crossing: Int = 1) async throws {
        let order = CrashOrder(
            process: "stage-upload",
            point: point,
            crossing: crossing,
            number: Int.random(in: 1...1_000_000),
            effect: .hold
        )
        let file = tree.directory + "/crash"
        try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
        try await Self.publish(tree, id: id, media: "medium")
        try await eventually("the upload is at \(point)") { access(file + ".held", F_OK) == 0 }
        try await tree.order("DELETE", "/jobs/image/\(id)")
        try await eventually("its worker knows") {
            tree.log.split(separator: "\n").contains {
                $0.contains("its work is told to stop") && $0.contains("job.id=\(id) ")
            }
        }
        try FileManager.default.removeItem(atPath: file)
    }

    private static func expectCancelled(_ tree: TestTree, id: String) async throws {
        let updates = try await tree.updates(.image, untilTheEndOf: [id])
        let end = try #require(updates.last)
        #expect(end["status"] == "cancelled" && end["image_versions"] == nil && end["result_key"] == nil)
        #expect(end["warnings"] == nil)
        let job = try #require(try await tree.get("/jobs/image/\(id)")?.body.objectValue)
        #expect(job["outputs"]?.arrayValue?.isEmpty == true)
        #expect(tree.leftovers().isEmpty)
    }

    @Test(
        "are gone when it is cancelled in its upload or after it, and its result index with them",
        arguments: TreeStore.Kind.allCases,
        [
            Place(.objectLinked, 1), Place(.objectLinked, 4), Place(.outputNoted, 1), Place(.objectLinked, 5),
            Place(.objectDurable, 2),
        ]
    )
    func cancelled(_ kind: TreeStore.Kind, _ place: Place) async throws {
        try await TreeStore.with(kind, ["UPLOAD_PARALLEL": "1"]) { tree, store in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await Self.cancel(tree, id: "gone", at: place.point, crossing: place.crossing)
            try await Self.expectCancelled(tree, id: "gone")
            #expect(try await store.keys() == [])
            #expect(try await store.openUploads() == [])
        }
    }

    @Test("leave the result of an earlier job of the same medium whole", arguments: TreeStore.Kind.allCases)
    func earlierResult(_ kind: TreeStore.Kind) async throws {
        try await TreeStore.with(kind) { tree, store in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await Self.publish(tree, id: "earlier", media: "medium")
            #expect(try await tree.updates(.image, untilTheEndOf: ["earlier"]).last?["status"] == "completed")
            let keys = try await store.keys()
            let index = try await store.object("medium/result.json")
            #expect(keys.count == 5 && index != nil)
            try await Self.cancel(tree, id: "later", at: .outputNoted)
            try await Self.expectCancelled(tree, id: "later")
            #expect(try await store.keys() == keys)
            #expect(try await store.object("medium/result.json") == index)
        }
    }

    @Test(
        "of another job stay, whatever a forged message says: its source, its media id, its outputs with their places",
        arguments: TreeStore.Kind.allCases
    )
    func forged(_ kind: TreeStore.Kind) async throws {
        // Without an index nothing but the objects tells whose they are.
        try await TreeStore.with(kind, ["RESULT_KEY": "off"]) { tree, store in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await Self.publish(tree, id: "victim", media: "medium")
            #expect(try await tree.updates(.image, untilTheEndOf: ["victim"]).last?["status"] == "completed")
            let keys = try await store.keys()
            #expect(keys.count == 4)
            let bytes = try await store.object(keys[0])
            let detail = try #require(try await tree.get("/jobs/image/victim")?.body.objectValue)
            let places = detail["outputs"]?.arrayValue?.compactMap { $0.objectValue?["location"]?.stringValue } ?? []
            func forged(_ id: ByteText, sourceKey: String, _ outcome: JobOutcome? = nil) throws -> JSONValue {
                var ticket = Ticket(id: id, mediaID: "medium", kind: .image)
                (ticket.sourceKey, ticket.outcome) = (sourceKey, outcome)
                ticket.outputs = keys.map { key in
                    var output = JobOutput(kind: .imageScaled, key: ByteText(key))
                    output.quality = key.split(separator: "_").last?.split(separator: ".").first.map(String.init)
                    output.location = places.first { $0.hasSuffix(key) }
                    return output
                }
                #expect(ticket.outputs.allSatisfy { $0.location != nil && $0.quality != nil })
                return try JSONValue(parsing: ticket.json.serialized())
            }
            // One that fails, one that comes to the clean-up at once, one that is cancelled while it has the source.
            try await tree.publish(forged("fails", sourceKey: "none"), to: tree.names.entry(.image))
            try await tree.publish(
                forged("ended", sourceKey: keys[0], .cancelled),
                to: tree.names.work(.image, .cleanup)
            )
            _ = try await tree.updates(.image, untilTheEndOf: ["fails", "ended"])
            let order = CrashOrder(
                process: "stage-download",
                point: .sourceWhole,
                crossing: 1,
                number: 9,
                effect: .hold
            )
            let file = tree.directory + "/crash"
            try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
            try await tree.publish(forged("held", sourceKey: keys[0]), to: tree.names.entry(.image))
            try await eventually("it has the source") { access(file + ".held", F_OK) == 0 }
            try await tree.order("DELETE", "/jobs/image/held")
            try await eventually("its worker knows") { tree.log.contains("its work is told to stop") }
            try FileManager.default.removeItem(atPath: file)
            #expect(try await tree.updates(.image, untilTheEndOf: ["held"]).last?["status"] == "cancelled")
            // It was asked for each of them, each time.
            let removals = tree.log.split(separator: "\n").filter { $0.contains("did not complete are removed") }
            #expect(removals.count == 3, "\(removals)")
            #expect(removals.allSatisfy { $0.contains("object.removed=0") && $0.contains("object.kept=4") })
            #expect(try await store.keys() == keys)
            #expect(try await store.object(keys[0]) == bytes)
        }
    }

    @Test("are removed later when the store is away at its end, which says so, and `orphans` tells and removes them")
    func away() async throws {
        let server = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("away")
        let isAway = Atomic(false)
        let proxy = try RelayProxy(to: server.port) { _ in
            isAway.load(ordering: .relaxed) ? .cut(afterBytes: 0) : nil
        }
        defer { proxy.close() }
        let settings = TestObjectStore.environment.merging([
            "STORAGE_URL": server.url(prefix, port: Int(proxy.port)), "STAGE_MAX_ATTEMPTS": "cleanup=2",
        ]) { $1 }
        try await TestTree.with(settings) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let order = CrashOrder(
                process: "stage-upload",
                point: .objectLinked,
                crossing: 5,
                number: 1,
                effect: .hold
            )
            let file = tree.directory + "/crash"
            try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
            try await Self.publish(tree, id: "left", media: "medium")
            try await eventually("all is put") { access(file + ".held", F_OK) == 0 }
            isAway.store(true, ordering: .relaxed)
            // The tree keeps connections.
            proxy.dropAll()
            try await tree.order("DELETE", "/jobs/image/left")
            try FileManager.default.removeItem(atPath: file)
            let end = try #require(try await tree.updates(.image, untilTheEndOf: ["left"]).last)
            #expect(end["status"] == "cancelled" && end["image_versions"] == nil)
            let warning = try #require(end["warnings"]?.arrayValue?.first?.objectValue)
            #expect(warning["code"] == "objects_left")
            #expect(warning["message"]?.stringValue?.contains("up to 5 objects") == true, "\(warning)")
            // No temp file waits for the store.
            #expect(tree.leftovers().isEmpty)
            let store = TreeStore.bucket(server, prefix: prefix)
            let left = try await store.keys()
            #expect(left.count == 5, "\(left)\n\(tree.log.suffix(4000))")
            isAway.store(false, ordering: .relaxed)
            let told = try await tree.command("orphans")
            #expect(told.output.contains("objects are left of the job image/left"), "\(told)")
            let cleaned = try await tree.command("orphans", "--clean")
            // The tree's own sweep may have been there first.
            try await eventually("they are gone") { try await store.keys().isEmpty }
            #expect(cleaned.exit == .status(0), "\(cleaned)")
            #expect(!tree.log.contains(TestObjectStore.secretKey))
        }
    }

    @Test("in parts are aborted when it is cancelled, also when its worker was killed in the middle")
    func openUpload() async throws {
        let settings = [
            "S3_MULTIPART_THRESHOLD_BYTES": "5242880", "S3_PART_BYTES": "5242880", "S3_PARALLEL_PARTS": "1",
            "VIDEO_LADDER": "360p=640x360@800", "UPLOAD_PARALLEL": "1",
        ]
        try await TreeStore.with(.bucket, settings) { tree, store in
            let source = tree.sources + "/noise.mp4"
            try await Samples.ffmpeg([
                "-f", "lavfi", "-i", "nullsrc=size=640x360:rate=30:duration=2,format=yuv420p,noise=alls=100:allf=t",
                "-c:v",
                "libx264", "-preset", "ultrafast", "-qp", "8", source,
            ])
            let order = CrashOrder(
                process: "stage-upload",
                point: .objectWritten,
                crossing: 2,
                number: 1,
                effect: .hold
            )
            let file = tree.directory + "/crash"
            try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
            try await tree.submit(.video, id: "parts", source: "noise.mp4")
            try await eventually("all parts are there", within: .seconds(120)) { access(file + ".held", F_OK) == 0 }
            try await eventually("an upload is open") { try await !store.openUploads().isEmpty }
            try await tree.order("DELETE", "/jobs/video/parts")
            let worker = try #require(try await tree.worker("upload.video"))
            kill(worker.processID, SIGKILL)
            try FileManager.default.removeItem(atPath: file)
            let end = try #require(try await tree.updates(.video, untilTheEndOf: ["parts"]).last)
            #expect(end["status"] == "cancelled" && end["warnings"] == nil)
            #expect(try await store.openUploads() == [])
            #expect(try await store.keys() == [])
        }
    }
}
