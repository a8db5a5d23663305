import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

@Suite("Compression of a waiting job's files", .serialized)
struct CompressionCrashTests {
    private static let compressing: [CrashPoint] = [
        .compressionPlanned, .compressedFileSynced, .compressedFileRenamed, .compressionRecorded,
    ]
    private static let restoring: [CrashPoint] = [
        .restorePlanned, .restoredFileSynced, .restoredFileRenamed, .restoreRecorded,
    ]
    /// Downloads go on, and their jobs wait for a stage that has no worker.
    static let waiting = ["WORKERS": "process.image=0,process.video=0", "COMPRESS_AFTER_MINUTES": "0.005"]

    @Test("goes unnoticed by the job, and a death at any of its steps costs nothing")
    func everyPoint() async throws {
        try await TestTree.with(starting: false) { tree in
            try await Samples.rawPicture(tree.directory + "/sources/raw.tiff")
            for round in 0..<Rounds.count {
                try await run(tree, id: "plain-\(round)", crash: nil)
                for point in Self.compressing {
                    try await run(tree, id: "\(point)-\(round)", crash: ("supervisor", point))
                }
                for point in Self.restoring {
                    try await run(tree, id: "\(point)-\(round)", crash: ("stage-process", point))
                }
            }
        }
    }

    private func run(_ tree: TestTree, id: String, crash: (process: String, point: CrashPoint)?) async throws {
        let order = tree.directory + "/crash"
        func give() throws {
            guard let crash else { return }
            let text = "\(crash.process) \(crash.point.rawValue) 1 1"
            try Data(text.utf8).write(to: URL(filePath: order))
        }
        let source = tree.directory + "/sources/raw.tiff"
        let size = try #require(try FileManager.default.attributesOfItem(atPath: source)[.size] as? Int64)
        if crash?.process == "supervisor" { try give() }
        let first = try tree.start(Self.waiting)
        try await tree.submit(.image, id: id, source: "raw.tiff")
        if crash?.process == "supervisor" {
            #expect(await first.wait() != .status(0))
            // The next tree compresses the files that it finds.
            try await tree.running(Self.waiting) { try await Self.eventuallyCompressed(tree, id, size) }
        } else {
            try await Self.eventuallyCompressed(tree, id, size)
            first.send(SIGTERM)
            #expect(await first.wait() == .status(0))
            try give()
        }
        try await tree.running {
            let updates = try await tree.updates(.image, untilTheEndOf: [id])
            let ends = updates.filter { $0["status"] != "processing" && $0["job_id"]?.stringValue == id }
            #expect(ends.map { $0["status"] } == ["completed"], "\(id)")
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
        }
        #expect(!FileManager.default.fileExists(atPath: order), "\(id): the point was crossed")
        #expect(tree.log.contains("temp file restored"))
        let fetched = tree.log.split(separator: "\n").count {
            $0.contains(": download starts") && $0.contains("job.id=\(id) ")
        }
        #expect(fetched == 1, "\(id) was fetched once")
    }

    static func eventuallyCompressed(_ tree: TestTree, _ id: String, _ size: Int64) async throws {
        try await eventually("\(id) is compressed") {
            let files = try await tree.get("/health")?.body.objectValue?["tempFiles"]?.objectValue?["image"]?
                .objectValue
            guard files?["compressedFiles"]?.clampedInteger == 1, files?["totalFiles"]?.clampedInteger == 1,
                let stored = files?["totalSize"]?.clampedInteger
            else { return false }
            return stored <= size / 5 * 4 && files?["uncompressedSize"]?.clampedInteger == size
        }
    }
}
