import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

/// Open uploads in a bucket that several trees share.
@Suite("Stale uploads", .serialized, .timeLimit(.minutes(5)))
struct StaleUploadsTests {
    /// Begins an upload as another host does.
    private static func begin(_ server: TestObjectStore, _ key: String) async throws {
        try await server.python("s3.create_multipart_upload(Bucket=bucket, Key=arguments[0])", key)
    }

    private static func uploads(_ output: String) throws -> [[ByteText: JSONValue]] {
        let report = try JSONValue(parsing: Array(output.utf8)).objectValue
        return report?["store"]?.objectValue?["uploads"]?.arrayValue?.compactMap(\.objectValue) ?? []
    }

    @Test("are listed with key, age and reason, and --clean aborts those alone that are too old to be another host's")
    func command() async throws {
        let server = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("stale")
        let settings = TestObjectStore.environment.merging([
            "STORAGE_URL": server.url(prefix), "ORPHAN_GRACE_MINUTES": "0", "JOB_MAX_AGE_HOURS": "0.002",
        ]) { $1 }
        try await TestTree.with(settings, starting: false) { tree in
            // A look makes no workspace, and without one there is nothing to look at.
            try FileManager.default.createDirectory(
                atPath: tree.workspace,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
            try await Self.begin(server, prefix + "/videos/old one.mp4")
            try await Self.begin(server, prefix + "-other/videos/x.mp4")
            // 7.2 s.
            try await eventually("it is old") {
                let found = try Self.uploads(try await tree.command("orphans", "--json").output)
                return found.first?["removable"] == true
            }
            try await Self.begin(server, prefix + "/videos/young.mp4")
            let listed = try Self.uploads(try await tree.command("orphans", "--json").output)
            try #require(listed.map { $0["key"]?.stringValue } == ["videos/old one.mp4", "videos/young.mp4"])
            #expect(listed.map { $0["reason"] } == ["unknownUpload", "unknownUpload"])
            #expect(listed.map { $0["removable"] } == [true, false])
            #expect((listed[0]["ageSeconds"]?.clampedInteger ?? 0) >= 7)
            let told = try await tree.command("orphans").output
            #expect(told.contains("videos/old one.mp4") && told.contains("unknown job (only reported)"), "\(told)")
            #expect(try await server.openUploads(prefix + "/").count == 2)
            let cleaned = try await tree.command("orphans", "--clean")
            #expect(cleaned.exit == .status(0) && cleaned.output.contains("1 upload aborted"), "\(cleaned)")
            #expect(try await server.openUploads(prefix + "/") == [prefix + "/videos/young.mp4"])
            // That of another prefix is none of ours.
            #expect(try await server.openUploads(prefix + "-other/").count == 1)
            for key in ["/videos/young.mp4", "-other/videos/x.mp4"] { try await Self.abort(server, prefix + key) }
        }
    }

    @Test("are found beneath destinations as well, each once, and nowhere else")
    func destinations() async throws {
        let server = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("stale")
        let settings = TestObjectStore.environment.merging([
            "STORAGE_URL": server.url(prefix + "/own"), "ORPHAN_GRACE_MINUTES": "0", "JOB_MAX_AGE_HOURS": "0.001",
            // The second lies beneath the first, the last beneath the store.
            "DESTINATION_PREFIXES": ["/out", "/out/deep", "/own/deep"].map { "s3://media/" + prefix + $0 }
                .joined(separator: " "),
        ]) { $1 }
        try await TestTree.with(settings, starting: false) { tree in
            try FileManager.default.createDirectory(
                atPath: tree.workspace,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
            let keys = ["/out/eve/a.mp4", "/out/deep/b.mp4", "/own/deep/c.mp4", "/outside/d.mp4"].map { prefix + $0 }
            for key in keys { try await Self.begin(server, key) }
            // 3.6 s.
            try await eventually("they are old") {
                let found = try Self.uploads(try await tree.command("orphans", "--json").output)
                return found.count == 3 && found.allSatisfy { $0["removable"] == true }
            }
            let listed = try Self.uploads(try await tree.command("orphans", "--json").output)
            let place = "s3://media/\(prefix)/out/ at \(server.endpoint)"
            let found = listed.map { [$0["destination"]?.stringValue ?? "", $0["key"]?.stringValue ?? ""] }
            let expected = [["", "deep/c.mp4"], [place, "deep/b.mp4"], [place, "eve/a.mp4"]]
            #expect(found.sorted { $0.description < $1.description } == expected, "\(listed)")
            #expect(try await tree.command("orphans").output.contains(place + ": eve/a.mp4"))
            let cleaned = try await tree.command("orphans", "--clean")
            #expect(cleaned.exit == .status(0) && cleaned.output.contains("3 uploads aborted"), "\(cleaned)")
            #expect(try await server.openUploads(prefix + "/") == [keys[3]])
            try await Self.abort(server, keys[3])
        }
    }

    private static func abort(_ server: TestObjectStore, _ key: String) async throws {
        try await server.python(
            """
            for upload in s3.list_multipart_uploads(Bucket=bucket, Prefix=arguments[0]).get("Uploads", []):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            """,
            key
        )
    }

    @Test("are aborted by the sweep, and one of a job that is under way is left, however old it is")
    func sweep() async throws {
        let settings = [
            "ORPHAN_GRACE_MINUTES": "0", "JOB_MAX_AGE_HOURS": "0.001", "CLEANUP_INTERVAL_HOURS": "0.01",
            "S3_MULTIPART_THRESHOLD_BYTES": "5242880", "S3_PART_BYTES": "5242880", "S3_PARALLEL_PARTS": "1",
            "VIDEO_LADDER": "360p=640x360@800", "UPLOAD_PARALLEL": "1",
        ]
        try await TreeStore.with(.bucket, settings) { tree, store in
            guard case .bucket(let server, let prefix) = store else { return }
            try await Samples.ffmpeg([
                "-f", "lavfi", "-i", "nullsrc=size=640x360:rate=30:duration=2,format=yuv420p,noise=alls=100:allf=t",
                "-c:v",
                "libx264", "-preset", "ultrafast", "-qp", "8", tree.sources + "/noise.mp4",
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
            try await tree.submit(.video, id: "going", source: "noise.mp4")
            try await eventually("all parts are there", within: .seconds(120)) { access(file + ".held", F_OK) == 0 }
            try await eventually("its upload is open") { try await store.openUploads().count == 1 }
            let own = try await store.openUploads()
            try await Self.begin(server, prefix + "/videos/nobody.mp4")
            // The next sweep comes 36 s after the first.
            try await eventually("the other one is aborted", within: .seconds(120)) {
                try await store.openUploads() == own
            }
            #expect(tree.log.contains("an upload that nobody goes on with is aborted"))
            #expect(tree.log.contains("videos/nobody.mp4"))
            try FileManager.default.removeItem(atPath: file)
            #expect(try await tree.updates(.video, untilTheEndOf: ["going"]).last?["status"] == "completed")
            #expect(try await store.openUploads() == [])
        }
    }
}
