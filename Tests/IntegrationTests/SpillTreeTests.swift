import AMQP
import Foundation
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

/// Whole trees that move temp files of waiting jobs to a bucket or a directory.
@Suite("A tree that spills", .serialized, .timeLimit(.minutes(10)))
struct SpillTreeTests {
    private struct Bucket {
        let server: TestObjectStore
        let prefix: String

        init() async throws {
            server = try await TestObjectStore.shared()
            prefix = TestObjectStore.uniquePrefix("spill")
        }

        func settings(port: Int? = nil, _ more: [String: String] = [:]) -> [String: String] {
            var settings = TestObjectStore.environment
            settings["SPILL_URL"] = server.url(prefix, port: port)
            settings["SPILL_AFTER_MINUTES"] = "0.005"
            settings["SPILL_MIN_BYTES"] = "100000"
            settings["WORKERS"] = "process.image=0,process.video=0"
            return settings.merging(more) { $1 }
        }

        func keys() async throws -> [String] { try await server.keys(prefix + "/") }
    }

    private static let working = ["WORKERS": "process.image=1,process.video=1"]

    private static func files(_ tree: TestTree, _ kind: MediaKind) async throws -> [ByteText: JSONValue] {
        try await tree.get("/health")?.body.objectValue?["tempFiles"]?.objectValue?[ByteText(kind.rawValue)]?
            .objectValue ?? [:]
    }

    private static func eventuallySpilled(_ tree: TestTree, _ kind: MediaKind, _ count: Int64 = 1) async throws {
        try await eventually("\(count) files are spilled") {
            let files = try await files(tree, kind)
            return files["spilledFiles"]?.clampedInteger == count && files["totalSize"]?.clampedInteger == 0
        }
    }

    private static func outputs(_ tree: TestTree, _ id: String) throws -> [String: Data] {
        var outputs: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: tree.store) where path.contains("media-\(id)_")
        {
            let end = String(path.components(separatedBy: "media-\(id)_").last ?? "")
            outputs[end] = try Data(contentsOf: URL(filePath: tree.store + "/" + path))
        }
        return outputs
    }

    @Test("has the disk and the budget free while jobs wait, and publishes the same outputs as without")
    func sameOutputs() async throws {
        let bucket = try await Bucket()
        let settings = bucket.settings(["TEMP_MAX_BYTES": "\(512 << 20)", "S3_ACL": "public-read"])
        try await TestTree.with(settings, starting: false) { tree in
            try await Samples.video(tree.sources + "/clip.mp4", size: "640x360", seconds: 2)
            try await Samples.rawPicture(tree.sources + "/raw.tiff")
            let sources = [MediaKind.video: "clip.mp4", .image: "raw.tiff"]
            try await tree.running(Self.working.merging(["SPILL_URL": ""]) { $1 }) {
                for kind in MediaKind.allCases {
                    try await tree.submit(kind, id: "plain-\(kind)", source: sources[kind] ?? "")
                    _ = try await tree.updates(kind, untilTheEndOf: ["plain-\(kind)"])
                }
            }
            #expect(try await bucket.keys() == [])
            try await tree.running {
                for kind in MediaKind.allCases {
                    try await tree.submit(kind, id: "spilled-\(kind)", source: sources[kind] ?? "")
                    try await Self.eventuallySpilled(tree, kind)
                }
                #expect(!tree.leftovers().contains { $0.contains("source") }, "\(tree.leftovers())")
                let health = try #require(try await tree.get("/health")?.body.objectValue)
                #expect(health["disk"]?.objectValue?["reservedBytes"] == 0)
                #expect(health["spill"]?.objectValue?["spills"] == 2)
                #expect(try await bucket.keys().count == 2)
                try await look(tree)
            }
            try await tree.running(Self.working) {
                for kind in MediaKind.allCases {
                    let updates = try await tree.updates(kind, untilTheEndOf: ["spilled-\(kind)"])
                    #expect(updates.last?["status"] == "completed")
                    let plain = try Self.outputs(tree, "plain-\(kind)")
                    #expect(plain.count > 2)
                    #expect(try Self.outputs(tree, "spilled-\(kind)") == plain)
                }
                try await eventually("no object is left") { try await bucket.keys() == [] }
                try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
                let metrics = try await tree.text("/metrics")
                #expect(metrics.contains("media_processor_spill_fetches_total{kind=\"video\"} 1\n"))
                #expect(metrics.contains("media_processor_spill_files{kind=\"image\"} 0\n"))
                // Those that fetch and delete have the keys as well.
                for worker in tree.workers() {
                    let variables = try Data(contentsOf: URL(filePath: "/proc/\(worker.processID)/environ"))
                    #expect(variables.firstRange(of: Data(TestObjectStore.secretKey.utf8)) != nil, "\(worker)")
                }
            }
            #expect(!tree.log.contains(TestObjectStore.secretKey))
            #expect(tree.log.contains("temp files of waiting jobs were spilled"))
            #expect(try await bucket.server.openUploads(bucket.prefix) == [])
        }
    }

    /// The ways in which an operator sees it.
    private func look(_ tree: TestTree) async throws {
        let job = try #require(try await tree.get("/jobs/video/spilled-video")?.body.objectValue)
        let file = try #require(job["files"]?.arrayValue?.first?.objectValue)
        #expect(file["spill"]?.objectValue?["url"]?.stringValue?.hasPrefix("s3://media/") == true, "\(file)")
        #expect(file["size"] == file["spill"]?.objectValue?["size"])
        let shown = try await tree.command("jobs", "video/spilled-video")
        #expect(shown.output.contains("spilled"), "\(shown)")
        let status = try await tree.command("status")
        #expect(status.output.contains("1 spilled, "), "\(status)")
        let metrics = try await tree.text("/metrics")
        #expect(metrics.contains("media_processor_spill_files{kind=\"image\"} 1\n"))
        #expect(metrics.contains("media_processor_spill_puts_total{kind=\"video\"} 1\n"))
        let orphans = try await tree.command("orphans", "--json", changes: ["ORPHAN_GRACE_MINUTES": "0"])
        #expect(try orphans.document["orphans"] == [], "\(orphans)")
    }

    @Test("deletes the object of a job that is cancelled, and of one that fails")
    func ends() async throws {
        let bucket = try await Bucket()
        try await TestTree.with(bucket.settings(), starting: false) { tree in
            // A source that nothing can decode, of the right kind by its first bytes.
            try await Samples.rawPicture(tree.sources + "/raw.tiff")
            var broken = try Data(contentsOf: URL(filePath: tree.sources + "/raw.tiff")).prefix(8)
            broken.append(Data(repeating: 0xEE, count: 1 << 20))
            try broken.write(to: URL(filePath: tree.sources + "/broken.tiff"))
            try await tree.running {
                try await tree.submit(.image, id: "unwanted", source: "raw.tiff")
                try await tree.submit(.image, id: "broken", source: "broken.tiff")
                try await Self.eventuallySpilled(tree, .image, 2)
                #expect(try await bucket.keys().count == 2)
                #expect(try await tree.order("DELETE", "/jobs/image/unwanted").status == 202)
                let updates = try await tree.updates(.image, untilTheEndOf: ["unwanted"])
                #expect(updates.last?["status"] == "cancelled" && updates.last?["warnings"] == nil)
                // Before the client hears of the end.
                #expect(try await bucket.keys().allSatisfy { $0.contains("/broken/") })
            }
            try await tree.running(Self.working) {
                let updates = try await tree.updates(.image, untilTheEndOf: ["broken"])
                #expect(updates.last?["status"] == "failed", "\(updates)")
                try await eventually("no object is left") { try await bucket.keys() == [] }
                try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            }
        }
    }

    enum Damage: CaseIterable, Sendable {
        case removed, changed
    }

    @Test("sends a job back to download whose object somebody has damaged", arguments: Damage.allCases)
    func damaged(_ damage: Damage) async throws {
        let bucket = try await Bucket()
        try await TestTree.with(bucket.settings(), starting: false) { tree in
            try await Samples.rawPicture(tree.sources + "/raw.tiff")
            try await tree.running {
                try await tree.submit(.image, id: "victim", source: "raw.tiff")
                try await Self.eventuallySpilled(tree, .image)
            }
            let key = try #require(try await bucket.keys().first)
            switch damage {
            case .removed: try await bucket.server.s5cmd("rm", "s3://\(TestObjectStore.bucket)/\(key)")
            case .changed:
                var bytes = try Data(contentsOf: URL(filePath: tree.sources + "/raw.tiff"))
                bytes[bytes.count / 2] ^= 1
                try bytes.write(to: URL(filePath: tree.directory + "/changed"))
                try await bucket.server.put(tree.directory + "/changed", key)
            }
            try await tree.running(Self.working.merging(["SPILL_AFTER_MINUTES": "0"]) { $1 }) {
                let updates = try await tree.updates(.image, untilTheEndOf: ["victim"])
                #expect(updates.last?["status"] == "completed")
                try await eventually("no object is left") { try await bucket.keys() == [] }
            }
            let starts = tree.log.split(separator: "\n").count { $0.contains(": download starts") }
            #expect(starts == 2)
            #expect(tree.log.contains("a spilled temp file is lost"))
        }
    }

    @Test("keeps the files of a job when the store goes away in mid-spill, and spills them once it is there again")
    func storeAway() async throws {
        let bucket = try await Bucket()
        let proxy = try RelayProxy(to: bucket.server.port, threshold: 1 << 20) { _ in .cut(afterBytes: 1 << 20) }
        defer { proxy.close() }
        try await TestTree.with(bucket.settings(), starting: false) { tree in
            try await Samples.rawPicture(tree.sources + "/raw.tiff")
            try await tree.running(bucket.settings(port: Int(proxy.port))) {
                try await tree.submit(.image, id: "cut", source: "raw.tiff")
                try await eventually("a put is cut") { proxy.harmed > 0 }
                try await eventually("the log tells") { tree.log.contains("were not spilled") }
                #expect(tree.leftovers().contains { $0.hasSuffix("source") })
                #expect(try await Self.files(tree, .image)["spilledFiles"] == nil)
            }
            try await tree.running { try await Self.eventuallySpilled(tree, .image) }
            try await tree.running(Self.working.merging(["SPILL_AFTER_MINUTES": "0"]) { $1 }) {
                let updates = try await tree.updates(.image, untilTheEndOf: ["cut"])
                #expect(updates.last?["status"] == "completed")
                try await eventually("no object is left") { try await bucket.keys() == [] }
            }
        }
        #expect(try await bucket.server.openUploads(bucket.prefix) == [])
    }

    @Test("costs a job no attempt while the store is away from which its file has to come")
    func fetchWaits() async throws {
        let bucket = try await Bucket()
        let isAway = Switch()
        let proxy = try RelayProxy(to: bucket.server.port) { _ in isAway.isOn ? .cut(afterBytes: 0) : nil }
        defer { proxy.close() }
        let settings = bucket.settings(port: Int(proxy.port))
        try await TestTree.with(settings, starting: false) { tree in
            try await Samples.rawPicture(tree.sources + "/raw.tiff")
            try await tree.running {
                try await tree.submit(.image, id: "patient", source: "raw.tiff")
                try await Self.eventuallySpilled(tree, .image)
            }
            isAway.set(true)
            let working = Self.working.merging(["SPILL_AFTER_MINUTES": "0", "MAX_ATTEMPTS": "1"]) { $1 }
            try await tree.running(working) {
                try await eventually("the job waits for the store") {
                    tree.log.contains("the job waits for a host that is away")
                }
            }
            // The message that waits tells where the file is, for whoever gets it.
            let queue = tree.names.work(.image, .process)
            try await eventually("its message is back") { try await tree.client.messageCount(queue: queue) == 1 }
            let file = try await tree.peek(queue)?["tempFiles"]?.arrayValue?.first?.objectValue
            let spill = try #require(file?["spill"]?.objectValue)
            #expect(spill["url"]?.stringValue?.hasPrefix("s3://media/\(bucket.prefix)/") == true)
            #expect(spill["size"] == file?["size"] && spill["sha256"]?.stringValue?.utf8.count == 64)
            isAway.set(false)
            try await tree.running(working) {
                let updates = try await tree.updates(.image, untilTheEndOf: ["patient"])
                #expect(updates.last?["status"] == "completed", "\(updates)")
                try await eventually("no object is left") { try await bucket.keys() == [] }
            }
        }
    }

    @Test("makes room for jobs that wait for it, in a directory as well")
    func pressure() async throws {
        let mebibyte = 1 << 20
        try await TestTree.with(starting: false) { tree in
            let place = tree.directory + "/spill"
            let settings = [
                "SPILL_URL": "file://" + place, "SPILL_MIN_BYTES": "\(mebibyte)", "SPILL_ABOVE_PERCENT": "100",
                "TEMP_MAX_BYTES": "\(7 * mebibyte)", "WORKERS": "process.image=0",
            ]
            func objects() -> [String] { (try? FileManager.default.subpathsOfDirectory(atPath: place)) ?? [] }
            try await Samples.paddedPhoto(tree.sources + "/photo.jpg", bytes: Int64(mebibyte))
            let ids: Set = ["one", "two", "three", "four"]
            try await tree.running(settings) {
                // Each reserves three times its MiB: two have room, and the others get it.
                for id in ids.sorted() { try await tree.submit(.image, id: id, source: "photo.jpg") }
                try await eventually("all are downloaded") {
                    let jobs = try await tree.get("/jobs")?.body.objectValue?["jobs"]?.arrayValue ?? []
                    return jobs.count { $0.objectValue?["stage"] == "process" } == 4
                }
                #expect(try await Self.files(tree, .image)["spilledFiles"]?.clampedInteger ?? 0 >= 2)
            }
            try await tree.running(settings.merging(["WORKERS": "process.image=1"]) { $1 }) {
                let updates = try await tree.updates(.image, untilTheEndOf: ids)
                #expect(updates.count { $0["status"] == "completed" } == 4)
                try await eventually("no object is left, and no directory of one") { objects().isEmpty }
                try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            }
        }
    }

    @Test("finds and removes objects that nobody owns, and leaves those of its jobs")
    func orphans() async throws {
        let bucket = try await Bucket()
        try await TestTree.with(bucket.settings(["SPILL_AFTER_MINUTES": "0.005"]), starting: false) { tree in
            try await Samples.rawPicture(tree.sources + "/raw.tiff")
            try await tree.running {
                try await tree.submit(.image, id: "alive", source: "raw.tiff")
                try await Self.eventuallySpilled(tree, .image)
                let live = try #require(try await bucket.keys().first)
                let stray = live.replacingOccurrences(of: "/alive/", with: "/dead/")
                try await bucket.server.put(tree.sources + "/raw.tiff", stray)
                #expect(try await tree.command("orphans", "--json").document["orphans"] == [])
                let now = ["ORPHAN_GRACE_MINUTES": "0"]
                let listed = try await tree.command("orphans", changes: now)
                #expect(listed.output.contains("spilled object") && listed.output.contains("/dead/"), "\(listed)")
                #expect(!listed.output.contains("/alive/"))
                let cleaned = try await tree.command("orphans", "--clean", "--json", changes: now)
                #expect(cleaned.exit == .status(0))
                #expect(try cleaned.document["cleaned"]?.objectValue?["filesCleaned"] == 1)
                #expect(try await bucket.keys() == [live])
                // A store that does not answer is no store without orphans.
                let blind = try await tree.command(
                    "orphans",
                    "--json",
                    changes: ["AWS_SECRET_ACCESS_KEY": "wrong", "ORPHAN_GRACE_MINUTES": "0"]
                )
                #expect(blind.exit == .status(1))
                #expect(try blind.document["spillProblem"]?.stringValue?.contains("cannot be listed") == true)
            }
            try await tree.running(Self.working) {
                let updates = try await tree.updates(.image, untilTheEndOf: ["alive"])
                #expect(updates.last?["status"] == "completed")
            }
        }
    }

    @Test("refuses a place where spilled files would lie among others")
    func places() async throws {
        try await TestTree.with(starting: false) { tree in
            let store = "file://" + tree.store
            for (place, words) in [
                (store, "it is STORAGE_URL"), ("file://" + tree.directory, "STORAGE_URL lies beneath it"),
                ("file://" + tree.workspace + "/x", "workspace of temp files"), ("ftp://host/x", "neither a directory"),
                ("s3://user:secret@bucket/x", "user or a password"),
            ] {
                let run = try await tree.command("doctor", changes: ["SPILL_URL": place])
                #expect(run.exit != .status(0))
                #expect((run.output + run.errors).contains(words), "\(place): \(run)")
                #expect(!(run.output + run.errors).contains("secret@"))
            }
            // As of a disk that is not mounted.
            let spill = ["SPILL_URL": "file://" + tree.directory + "/spill"]
            let absent = try await tree.command("doctor", changes: spill)
            #expect(absent.output.contains("is not there") && !absent.output.contains("takes temp files"), "\(absent)")
            try FileManager.default.createDirectory(
                atPath: tree.directory + "/spill",
                withIntermediateDirectories: false
            )
            let same = try await tree.command("doctor", changes: spill)
            #expect(same.output.contains("takes temp files"), "\(same)")
            let missing = try await tree.command("doctor", changes: ["SPILL_URL": "file:///etc/passwd/x"])
            #expect(missing.output.contains("check SPILL_URL"), "\(missing)")
        }
    }
}

/// Something that is on or off.
private final class Switch: Sendable {
    private let state = Atomic(false)
    var isOn: Bool { state.load(ordering: .relaxed) }
    func set(_ isOn: Bool) { state.store(isOn, ordering: .relaxed) }
}
