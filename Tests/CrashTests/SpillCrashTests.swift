import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

@Suite("Spilling of a waiting job's files", .serialized)
struct SpillCrashTests {
    private static let spilling: [CrashPoint] = [
        .spillPlanned, .spilledObjectPut, .spillRecorded, .spilledFileRemoved, .spilledSpaceGiven,
    ]
    private static let fetching: [CrashPoint] = [.fetchReserved, .fetchedFileSynced, .fetchRecorded]
    private static let deleting: [CrashPoint] = [.spilledObjectDeleted, .spilledObjectForgotten]

    /// Downloads go on, and their jobs wait for a stage that has no worker.
    private static let waiting = [
        "WORKERS": "process.image=0,process.video=0", "SPILL_AFTER_MINUTES": "0.005", "SPILL_MIN_BYTES": "1000000",
        "TEMP_MAX_BYTES": "\(64 << 20)",
    ]
    /// Nothing is spilled, and objects are looked after every five seconds.
    private static let quiet = ["SPILL_ABOVE_PERCENT": "0"]

    @Test("goes unnoticed by the job in a directory, and a death at any of its steps costs nothing")
    func everyPointInADirectory() async throws {
        try await TestTree.with(["LOG_LEVEL": "debug"], starting: false) { tree in
            let place = tree.directory + "/spill"
            try await everyPoint(tree, url: "file://" + place, [:]) {
                (try? FileManager.default.subpathsOfDirectory(atPath: place)) ?? []
            }
        }
    }

    @Test("goes unnoticed by the job in a bucket, and a death at any of its steps costs nothing")
    func everyPointInABucket() async throws {
        let server = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("spill")
        try await TestTree.with(["LOG_LEVEL": "debug"], starting: false) { tree in
            try await everyPoint(tree, url: server.url(prefix), TestObjectStore.environment) {
                try await server.keys(prefix + "/")
            }
        }
        #expect(try await server.openUploads(prefix) == [])
    }

    private func everyPoint(
        _ tree: TestTree,
        url: String,
        _ more: [String: String],
        _ objects: @escaping () async throws -> [String]
    ) async throws {
        try await Samples.rawPicture(tree.directory + "/sources/raw.tiff")
        let run = Run(tree: tree, settings: more.merging(["SPILL_URL": url]) { $1 }, objects: objects)
        for round in 0..<Rounds.count {
            try await run.completed(id: "plain-\(round)", crash: nil)
            let reference = try run.outputs("plain-\(round)")
            #expect(reference.count == 4)
            for point in Self.spilling {
                try await run.completed(id: "\(point)-\(round)", crash: ("supervisor", point))
                #expect(try run.outputs("\(point)-\(round)") == reference)
            }
            for point in Self.fetching {
                try await run.completed(id: "\(point)-\(round)", crash: ("stage-process", point))
                #expect(try run.outputs("\(point)-\(round)") == reference)
            }
            for point in Self.deleting {
                try await run.completed(id: "after-\(point)-\(round)", crash: ("supervisor", point))
                try await run.cancelled(id: "ended-\(point)-\(round)", at: point)
            }
        }
    }

    private struct Run {
        let tree: TestTree
        let settings: [String: String]
        let objects: () async throws -> [String]

        private var order: String { tree.directory + "/crash" }
        private var hasOrder: Bool { FileManager.default.fileExists(atPath: order) }

        private func give(_ process: String, _ point: CrashPoint) throws {
            let text = CrashOrder(process: process, point: point, crossing: 1, number: 1).text
            try Data(text.utf8).write(to: URL(filePath: order))
        }

        private func with(_ more: [String: String]) -> [String: String] { settings.merging(more) { $1 } }

        /// What was published, by the part of the name behind the job's.
        func outputs(_ id: String) throws -> [String: Data] {
            var outputs: [String: Data] = [:]
            for path in try FileManager.default.subpathsOfDirectory(atPath: tree.store)
            where path.contains("media-\(id)_") {
                let end = String(path.components(separatedBy: "media-\(id)_").last ?? "")
                outputs[end] = try Data(contentsOf: URL(filePath: tree.store + "/" + path))
            }
            return outputs
        }

        /// A job that waits until its source is spilled, and then goes on.
        func completed(id: String, crash: (process: String, point: CrashPoint)?) async throws {
            let spillsIntoDeath = crash.map { SpillCrashTests.spilling.contains($0.point) } ?? false
            if let crash, spillsIntoDeath { try give(crash.process, crash.point) }
            let first = try tree.start(with(SpillCrashTests.waiting))
            try await tree.submit(.image, id: id, source: "raw.tiff")
            if spillsIntoDeath {
                #expect(await first.wait() != .status(0))
                // The next tree spills the files that it finds.
                try await tree.running(with(SpillCrashTests.waiting)) { try await spilled(id) }
            } else {
                try await spilled(id)
                first.send(SIGTERM)
                #expect(await first.wait() == .status(0))
            }
            if let crash, !spillsIntoDeath { try give(crash.process, crash.point) }
            if let crash, SpillCrashTests.deleting.contains(crash.point) {
                // The supervisor dies when it deletes the object that is not needed any more, while the job waits.
                let second = try tree.start(with(["WORKERS": "upload.image=0"]))
                #expect(await second.wait() != .status(0), "\(id)")
            }
            try await tree.running(with([:])) {
                try await ends(id, "completed")
                try await eventually("\(id): no object is left") { try await objects().isEmpty }
            }
            #expect(!hasOrder, "\(id): the point was crossed")
            #expect(tree.log.contains("job.id=\(id) ") && tree.log.contains("spilled temp files were fetched back"))
            let fetched = tree.log.split(separator: "\n").count {
                $0.contains(": download starts") && $0.contains("job.id=\(id) ")
            }
            #expect(fetched == 1, "\(id) was downloaded once")
        }

        /// A job that is cancelled while its source is spilled, and whose clean-up dies as it deletes the object.
        func cancelled(id: String, at point: CrashPoint) async throws {
            try await tree.running(with(SpillCrashTests.waiting)) {
                try await tree.submit(.image, id: id, source: "raw.tiff")
                try await spilled(id)
            }
            try give("stage-cleanup", point)
            let settings = ["WORKERS": "process.image=0,process.video=0"].merging(SpillCrashTests.quiet) { $1 }
            try await tree.running(with(settings)) {
                #expect(try await tree.order("DELETE", "/jobs/image/\(id)").status == 202)
                try await ends(id, "cancelled")
                try await eventually("\(id): no object is left") { try await objects().isEmpty }
                #expect(!hasOrder, "\(id): the point was crossed")
            }
        }

        private func ends(_ id: String, _ status: JSONValue) async throws {
            let updates = try await tree.updates(.image, untilTheEndOf: [id])
            let ends = updates.filter { $0["status"] != "processing" && $0["job_id"]?.stringValue == id }
            #expect(ends.map { $0["status"] } == [status], "\(id)")
            try await eventually("\(id): the workspace is empty") { tree.leftovers().isEmpty }
            try await eventually("\(id): all room is given back") {
                let disk = try await tree.get("/health")?.body.objectValue?["disk"]?.objectValue
                return disk?["reservedBytes"]?.clampedInteger == 0
            }
        }

        private func spilled(_ id: String) async throws {
            try await eventually("\(id) is spilled") {
                let health = try await tree.get("/health")?.body.objectValue
                let files = health?["tempFiles"]?.objectValue?["image"]?.objectValue
                return files?["spilledFiles"]?.clampedInteger == 1 && files?["totalSize"]?.clampedInteger == 0
                    && health?["disk"]?.objectValue?["reservedBytes"]?.clampedInteger == 0
            }
            #expect(!tree.leftovers().contains { $0.contains("source") }, "\(id)")
            try await eventually("\(id) has one object") {
                try await objects().contains { $0.contains("/image/\(id)/") }
            }
        }
    }
}
