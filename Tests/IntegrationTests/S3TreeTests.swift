import Foundation
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

/// Whole trees whose sources and outputs are in a bucket; another client puts and reads them.
@Suite("A tree with an S3 store", .serialized, .timeLimit(.minutes(10)))
struct S3TreeTests {
    private struct Bucket {
        let server: TestObjectStore
        let prefix: String

        init() async throws {
            server = try await TestObjectStore.shared()
            prefix = TestObjectStore.uniquePrefix("tree")
        }

        func settings(port: Int? = nil, _ more: [String: String] = [:]) -> [String: String] {
            TestObjectStore.environment.merging(["STORAGE_URL": server.url(prefix, port: port)]) { $1 }
                .merging(more) { $1 }
        }

        /// An object as a file, by s5cmd.
        func download(_ key: String, to directory: String) async throws -> String {
            let bytes = try #require(try await server.object("\(prefix)/\(key)"), "\(key)")
            let path = directory + "/" + key.replacingOccurrences(of: "/", with: "-")
            try Data(bytes).write(to: URL(filePath: path))
            return path
        }
    }

    @Test("does the main job from the bucket to the bucket, and leaves nothing behind")
    func mainJob() async throws {
        let bucket = try await Bucket()
        try await TestTree.with(bucket.settings()) { tree in
            try await Samples.video(tree.sources + "/clip.mp4", size: "640x360", seconds: 1)
            try await Samples.photo(tree.sources + "/photo.jpg", size: "640x480")
            let names = [MediaKind.video: "up/clip a+b.mp4", .image: "up/e\u{301} 100%25#.jpg"]
            try await bucket.server.put(tree.sources + "/clip.mp4", "\(bucket.prefix)/\(names[.video] ?? "")")
            try await bucket.server.put(tree.sources + "/photo.jpg", "\(bucket.prefix)/\(names[.image] ?? "")")
            for kind in MediaKind.allCases {
                let key = names[kind] ?? ""
                let common: [ByteText: JSONValue] = [
                    "userId": "u", "mediaType": .string(kind.mediaType), "mediaId": .string("m-\(kind)"),
                ]
                let places: [(String, ByteText, String)] = [
                    ("key", "s3Key", key), ("url", "source", "s3://media/\(bucket.prefix)/\(key)"),
                ]
                for (id, field, value) in places {
                    let own: [ByteText: JSONValue] = ["id": .string("\(id)-\(kind)"), field: .string(value)]
                    try await tree.publish(.object(common.merging(own) { $1 }), to: tree.names.entry(kind))
                }
            }
            for kind in MediaKind.allCases {
                let updates = try await tree.updates(kind, untilTheEndOf: ["key-\(kind)", "url-\(kind)"])
                let ends = updates.filter { $0["status"]?.stringValue != "processing" }
                #expect(ends.count == 2 && ends.allSatisfy { $0["status"] == "completed" }, "\(ends)")
                for end in ends {
                    for version in end["\(kind)_versions"]?.arrayValue ?? [] {
                        let key = try #require(version.objectValue?["s3_key"]?.stringValue)
                        let path = try await bucket.download(key, to: tree.directory)
                        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int64
                        #expect(version.objectValue?["file_size"]?.clampedInteger == size)
                        #expect(try await Samples.probe(path).streams.isEmpty == false)
                    }
                }
            }
            let jobs = try #require(try await tree.get("/jobs"))
            let text = String(decoding: jobs.body.serialized(), as: UTF8.self)
            #expect(text.contains("s3://media/\(bucket.prefix)/videos/m-video_360p.mp4"))
            let health = try #require(try await tree.get("/health"))
            #expect(health.status == 200)
            #expect(tree.leftovers().isEmpty)
            #expect(!tree.log.contains(TestObjectStore.secretKey))
            #expect(!text.contains(TestObjectStore.secretKey))
            // Only those that speak to the store have its keys.
            for worker in tree.workers() {
                let variables = try Data(contentsOf: URL(filePath: "/proc/\(worker.processID)/environ"))
                let hasKeys = variables.firstRange(of: Data(TestObjectStore.secretKey.utf8)) != nil
                let speaks = ["stage-download", "stage-upload", "stage-cleanup"].contains { worker.name.hasPrefix($0) }
                #expect(hasKeys == speaks)
            }
        }
        #expect(try await bucket.server.openUploads(bucket.prefix + "/videos") == [])
    }

    @Test(
        "goes on with an upload whose worker was killed in its middle: the object is the file, and nothing is left open"
    )
    func killedUpload() async throws {
        let bucket = try await Bucket()
        // The second part of a file never arrives as long as its worker lives, on a connection of its own or on that of
        // the first.
        let isKilled = Atomic(false)
        let proxy = try RelayProxy(to: bucket.server.port, threshold: 1 << 20) { number in
            if isKilled.load(ordering: .relaxed) { return nil }
            return .stall(afterBytes: number == 0 ? 7 << 20 : 2 << 20)
        }
        defer { proxy.close() }
        let settings = bucket.settings(
            port: Int(proxy.port),
            [
                "S3_MULTIPART_THRESHOLD_BYTES": "5242880", "S3_PART_BYTES": "5242880", "S3_PARALLEL_PARTS": "1",
                "VIDEO_LADDER": "360p=640x360@800",
            ]
        )
        try await TestTree.with(settings) { tree in
            let source = tree.sources + "/noise.mp4"
            try await Samples.ffmpeg([
                "-f", "lavfi", "-i", "nullsrc=size=640x360:rate=30:duration=2,format=yuv420p,noise=alls=100:allf=t",
                "-c:v",
                "libx264", "-preset", "ultrafast", "-qp", "8", source,
            ])
            let size = try #require(try FileManager.default.attributesOfItem(atPath: source)[.size] as? Int64)
            #expect(size > 12 << 20)
            try await tree.submit(.video, id: "killed", source: "noise.mp4")
            try await eventually("a part of the upload stalls", within: .seconds(120)) { proxy.harmed == 1 }
            let worker = try #require(try await tree.worker("upload.video"))
            let file = try #require(tree.leftovers().first { $0.hasSuffix("original.mp4") })
            let bytes = try Data(contentsOf: URL(filePath: tree.workspace + "/jobs/video/" + file))
            isKilled.store(true, ordering: .relaxed)
            kill(worker.processID, SIGKILL)
            let updates = try await tree.updates(.video, untilTheEndOf: ["killed"])
            #expect(updates.last?["status"] == "completed")
            let path = try await bucket.download("videos/media-killed_original.mp4", to: tree.directory)
            #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
        }
        #expect(try await bucket.server.openUploads(bucket.prefix + "/videos") == [])
    }

    @Test("is not healthy while the store takes nothing, and the doctor says why")
    func refusedStore() async throws {
        let bucket = try await Bucket()
        let settings = bucket.settings([
            "AWS_ACCESS_KEY_ID": TestObjectStore.readerKey, "AWS_SECRET_ACCESS_KEY": TestObjectStore.readerSecret,
        ])
        try await TestTree.with(settings, starting: false) { tree in
            let supervisor = try tree.start()
            try await eventually("the tree tells of the store") {
                let health = try await tree.get("/health")
                return String(decoding: health?.body.serialized() ?? [], as: UTF8.self).contains("AccessDenied")
            }
            supervisor.send(SIGTERM)
            #expect(await supervisor.wait() == .status(0))
            for (keys, words) in [(settings, "AccessDenied"), (bucket.settings(), "takes objects")] {
                let said = await report { environment in environment.merge(keys) { $1 } }
                #expect(said.contains(words) && !said.contains(keys["AWS_SECRET_ACCESS_KEY"] ?? ""), "\(said)")
            }
            func report(_ change: (inout [String: String]) -> Void) async -> String {
                var environment = tree.environment
                change(&environment)
                do {
                    return try await ChildProcess.run(
                        BuiltExecutable.path("supervisor"),
                        ["doctor", "--json"],
                        environment: environment
                    )
                } catch { return "\(error)" }
            }
        }
    }
}
