import CrashPoints
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// Uploads in parts of whole trees, which only their own jobs go on with or end.
@Suite("A tree's uploads in parts", .serialized, .timeLimit(.minutes(10)))
struct S3UploadsTests {
    private static let settings = [
        "S3_MULTIPART_THRESHOLD_BYTES": "5242880", "S3_PART_BYTES": "5242880", "S3_PARALLEL_PARTS": "1",
        "VIDEO_LADDER": "360p=640x360@800",
    ]

    private static func with(
        port: Int? = nil,
        workers: Int = 1,
        _ body: (_ tree: TestTree, _ server: TestObjectStore, _ prefix: String) async throws -> Void
    ) async throws {
        let server = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("uploads")
        let store = ["STORAGE_URL": server.url(prefix, port: port), "WORKERS": "upload.video=\(workers)"]
        let settings = TestObjectStore.environment.merging(store) { $1 }.merging(Self.settings) { $1 }
        try await TestTree.with(settings) { tree in try await body(tree, server, prefix) }
        #expect(try await server.openUploads(prefix + "/videos") == [])
    }

    /// A source of several parts.
    private static func makeSource(_ tree: TestTree, _ name: String, seed: Int) async throws {
        let noise = "nullsrc=size=640x360:rate=30:duration=2,format=yuv420p,noise=alls=100:allf=t:all_seed=\(seed)"
        let path = tree.sources + "/" + name
        try await Samples.ffmpeg([
            "-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "8", path,
        ])
        let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int64)
        #expect(size > 12 << 20)
    }

    private static func submit(_ tree: TestTree, _ id: String, source: String) async throws {
        try await tree.publish(
            [
                "id": .string(id), "mediaId": "one", "userId": "u", "mediaType": "VIDEO",
                "source": .string("file://\(tree.sources)/\(source)"),
            ],
            to: tree.names.entry(.video)
        )
    }

    @Test("of two jobs of one medium at a time come one after the other, and both complete at their first try")
    func sameMedium() async throws {
        try await Self.with(workers: 2) { tree, _, _ in
            for (number, id) in ["first", "second"].enumerated() {
                try await Self.makeSource(tree, "\(id).mp4", seed: number + 1)
            }
            // The first one has begun its upload when the second one comes to its own.
            let order = CrashOrder(process: "stage-upload", point: .uploadNoted, crossing: 1, number: 1, effect: .hold)
            let file = tree.directory + "/crash"
            try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
            try await Self.submit(tree, "first", source: "first.mp4")
            try await eventually("the first upload is begun", within: .seconds(120)) {
                access(file + ".held", F_OK) == 0
            }
            try await Self.submit(tree, "second", source: "second.mp4")
            try await eventually("the second one waits", within: .seconds(120)) {
                let job = try await tree.get("/jobs/video/second")?.body.objectValue
                return job?["step"] == "waiting_for_other_job"
            }
            try FileManager.default.removeItem(atPath: file)
            let updates = try await tree.updates(.video, untilTheEndOf: ["first", "second"])
            let ends = updates.filter { $0["status"] != "processing" }
            #expect(ends.map { $0["job_id"] } == ["first", "second"])
            #expect(ends.allSatisfy { $0["status"] == "completed" })
            #expect(try await tree.restarts() == 0)
            #expect(!tree.log.contains("NoSuchUpload") && !tree.log.contains("object_incomplete"))
        }
    }

    @Test("that a killed worker has begun are aborted at the end of a cancelled job, and nobody else's are")
    func cancelled() async throws {
        let server = try await TestObjectStore.shared()
        // No part ever arrives.
        let proxy = try RelayProxy(to: server.port, threshold: 1 << 20) { _ in .stall(afterBytes: 2 << 20) }
        defer { proxy.close() }
        try await Self.with(port: Int(proxy.port)) { tree, server, prefix in
            try await Self.makeSource(tree, "first.mp4", seed: 1)
            try await Self.submit(tree, "first", source: "first.mp4")
            try await eventually("a part stalls", within: .seconds(120)) { proxy.harmed == 1 }
            let key = "\(prefix)/videos/one_original.mp4"
            #expect(try await server.openUploads(prefix + "/videos") == [key])
            let theirs = try await server.python(
                "print(s3.create_multipart_upload(Bucket=bucket, Key=arguments[0])['UploadId'])",
                key
            )
            let worker = try #require(try await tree.worker("upload.video"))
            kill(worker.processID, SIGKILL)
            try await eventually("another worker goes on", within: .seconds(60)) { proxy.harmed == 2 }
            try await tree.order("DELETE", "/jobs/video/first")
            #expect(try await tree.updates(.video, untilTheEndOf: ["first"]).last?["status"] == "cancelled")
            #expect(try await server.openUploads(prefix + "/videos") == [key])
            let abort = "s3.abort_multipart_upload(Bucket=bucket, Key=arguments[0], UploadId=arguments[1])"
            try await server.python(abort, key, theirs.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }
}
