import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

/// The points of upload, result index and removal once more, with a bucket as the store: there an object appears in
/// other steps than in a directory.
@Suite("Crash points with a bucket", .serialized, .timeLimit(.minutes(10)))
struct S3CrashPointTests {
    private static let outputs = ["180p", "360p", "720p", "1080p"]

    /// The result index is the fifth object.
    private static let uploads: [(point: CrashPoint, crossing: Int)] = [
        (.objectsPlanned, 1), (.objectWritten, 1), (.objectWritten, 5), (.objectLinked, 1), (.objectLinked, 5),
        (.objectDurable, 1), (.objectDurable, 2), (.outputNoted, 1), (.outputReleased, 1),
    ]

    private static let removals: [(point: CrashPoint, crossing: Int)] = [
        (.uploadsAborted, 1), (.objectRemoved, 1), (.objectRemoved, 3), (.objectForgotten, 1), (.objectForgotten, 3),
        (.endRecorded, 1), (.endCommitted, 1),
    ]

    @Test("leave all outputs of a job and its index, and of one that is cancelled nothing, each once")
    func everyPoint() async throws {
        try await TreeStore.with(.bucket) { tree, store in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let ends = try EndLog(tree)
            var expected: [String] = []
            for (number, place) in Self.uploads.enumerated() {
                let id = "job-\(number)"
                let file = try give(CrashOrder("stage-upload", place, number: number), tree)
                try await tree.submit(.image, id: id, source: "photo.jpg")
                try await eventually("\(place) was crossed") { access(file, F_OK) != 0 }
                try await eventually("\(place): the job ended") { !ends.of(id).isEmpty }
                #expect(ends.of(id) == ["completed"], "\(place)")
                expected += Self.outputs.map { "images/media-\(id)_\($0).jpg" } + ["media-\(id)/result.json"]
            }
            #expect(try await store.keys() == expected.sorted())
            for (number, place) in Self.removals.enumerated() {
                let id = "cancelled-\(number)"
                try await cancel(id, number: 100 + number, place, tree)
                try await eventually("\(place): the job ended") { !ends.of(id).isEmpty }
                #expect(ends.of(id) == ["cancelled"], "\(place)")
            }
            #expect(try await store.keys() == expected.sorted())
            #expect(try await store.openUploads() == [])
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            await ends.stop()
            #expect(ends.all.values.allSatisfy { $0.count == 1 })
        }
    }

    @Test("at the beginning of an upload in parts leave its bytes, or after a cancellation nothing, and no upload")
    func uploadsInParts() async throws {
        let settings = [
            "S3_MULTIPART_THRESHOLD_BYTES": "5242880", "S3_PART_BYTES": "5242880", "VIDEO_LADDER": "360p=640x360@800",
            // An upload whose worker died before it was noted cannot be told from another host's, but by its age.
            "ORPHAN_GRACE_MINUTES": "0", "JOB_MAX_AGE_HOURS": "0.01",
        ]
        try await TreeStore.with(.bucket, settings) { tree, store in
            try await Samples.ffmpeg([
                "-f", "lavfi", "-i", "nullsrc=size=640x360:rate=30:duration=2,format=yuv420p,noise=alls=100:allf=t",
                "-c:v", "libx264", "-preset", "ultrafast", "-qp", "8", tree.sources + "/noise.mp4",
            ])
            let ends = try EndLog(tree)
            func end(_ id: String, _ outcome: String) async throws {
                try await eventually("\(id) ended", within: .seconds(180)) { !ends.of(id).isEmpty }
                #expect(ends.of(id) == [outcome], "\(id)")
            }
            try await tree.submit(.video, id: "reference", source: "noise.mp4")
            try await end("reference", "completed")
            let keys = try await store.keys().map { $0.replacingOccurrences(of: "media-reference", with: "") }
            let bytes = try #require(try await store.object("videos/media-reference_original.mp4"))
            #expect(bytes.count > 12 << 20)
            var expected = try await store.keys()
            for (number, point) in [CrashPoint.uploadBegun, .uploadNoted].enumerated() {
                let id = "killed-\(point.rawValue)"
                let file = try give(CrashOrder("stage-upload", (point, 1), number: number), tree)
                try await tree.submit(.video, id: id, source: "noise.mp4")
                try await eventually("\(point) was crossed", within: .seconds(120)) { access(file, F_OK) != 0 }
                try await end(id, "completed")
                let isSame = try await store.object("videos/media-\(id)_original.mp4") == bytes
                #expect(isSame, "\(point)")
                let own = try await store.keys().filter { $0.contains(id) }
                #expect(own.map { $0.replacingOccurrences(of: "media-\(id)", with: "") } == keys, "\(point)")
                expected += own
                try await cancelAfterDeath(at: point, number: 10 + number, tree)
                try await end("cancelled-\(point.rawValue)", "cancelled")
            }
            #expect(try await store.keys() == expected.sorted())
            // Their names died with the workers. They are as old as a job may be silent by now, or soon.
            let left = try await store.openUploads()
            #expect(left.count == 2 && left.allSatisfy { $0.contains("upload-begun") }, "\(left)")
            try await eventually("no upload is left", within: .seconds(120)) {
                let supervisor = try BuiltExecutable.path("supervisor")
                try await ChildProcess.run(supervisor, ["orphans", "--clean"], environment: tree.environment)
                return try await store.openUploads() == []
            }
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            await ends.stop()
            #expect(ends.all.values.allSatisfy { $0.count == 1 })
        }
    }

    /// Kills a job's worker at a point, and cancels the job when the next worker comes to its upload.
    private func cancelAfterDeath(at point: CrashPoint, number: Int, _ tree: TestTree) async throws {
        let id = "cancelled-\(point.rawValue)"
        let file = try give(CrashOrder("stage-upload", (point, 1), number: number), tree)
        try await tree.submit(.video, id: id, source: "noise.mp4")
        try await eventually("\(point) was crossed", within: .seconds(120)) { access(file, F_OK) != 0 }
        // A worker takes longer to start than this.
        var hold = CrashOrder("stage-upload", (.objectsPlanned, 1), number: 100 + number)
        hold.effect = .hold
        _ = try give(hold, tree)
        try await eventually("the next worker has the job") { access(file + ".held", F_OK) == 0 }
        try await tree.order("DELETE", "/jobs/video/\(id)")
        try await eventually("it knows") {
            tree.log.split(separator: "\n").contains {
                $0.contains("its work is told to stop") && $0.contains("job.id=\(id) ")
            }
        }
        try FileManager.default.removeItem(atPath: file)
    }

    /// Cancels a job when some of its outputs are put, and kills the worker that removes them.
    private func cancel(
        _ id: String,
        number: Int,
        _ place: (point: CrashPoint, crossing: Int),
        _ tree: TestTree
    ) async throws {
        var hold = CrashOrder("stage-upload", (.objectLinked, 3), number: number)
        hold.effect = .hold
        let file = try give(hold, tree)
        try await tree.submit(.image, id: id, source: "photo.jpg")
        try await eventually("some outputs are put") { access(file + ".held", F_OK) == 0 }
        try await tree.order("DELETE", "/jobs/image/\(id)")
        try await eventually("its worker knows") {
            tree.log.split(separator: "\n").contains {
                $0.contains("its work is told to stop") && $0.contains("job.id=\(id) ")
            }
        }
        // In place of the order to hold.
        _ = try give(CrashOrder("stage-cleanup", place, number: number), tree)
        try await eventually("\(place) was crossed") { access(file, F_OK) != 0 }
    }

    private func give(_ order: CrashOrder, _ tree: TestTree) throws -> String {
        let file = tree.directory + "/crash"
        try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
        return file
    }
}

extension CrashOrder {
    fileprivate init(_ process: String, _ place: (point: CrashPoint, crossing: Int), number: Int) {
        self.init(process: process, point: place.point, crossing: place.crossing, number: number)
    }
}
