import AMQP
import CrashPoints
import Files
import Foundation
import Glibc
import JobModel
import Queues
import TestSupport
import Testing

/// Temp files on a file system of their own, which another program fills to the last byte.
@Suite("A disk that is full", .serialized, .enabled(if: SmallDisk.isPossible, "needs the right to mount"))
struct FullDiskTests {
    private static let mebibyte: Int64 = 1 << 20
    private static let settings = [
        "TEMP_MIN_FREE_BYTES": "0",
        "WORKERS": Stage.allCases.map { "\($0.rawValue).image=1,\($0.rawValue).video=0" }.joined(separator: ","),
    ]

    @Test("keeps no job from its clean-up, whoever dies there, and others wait until there is room, in no haste")
    func jobsEnd() async throws {
        try await Self.with { tree, disk in
            let ids = try await Self.jobsThatWaitForCleanup(4, tree)
            try await disk.fill()
            // At its first start the disk is full, and the room that is kept for it was just given up.
            let order = CrashOrder(process: "stage-cleanup", point: .startCounted, crossing: 1, number: 1)
            try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
            try await tree.running {
                let updates = try await tree.updates(.image, untilTheEndOf: ids)
                let ends = updates.filter { $0["status"] != "processing" }
                #expect(ends.count == ids.count && ends.allSatisfy { $0["status"] == "completed" })
                #expect(access(tree.directory + "/crash", F_OK) != 0)
                try await eventually("the workspace is empty") { tree.leftovers().isEmpty }

                // The space that they gave back is used up as well.
                try await disk.fill()
                let began = ContinuousClock.now
                try await tree.submit(.image, id: "late", source: "photo.jpg")
                try await eventually("the job was tried twice") { Self.tries(tree, "late") >= 2 }
                // Whether the ledger or the file had no room: the shortest pause is a tenth of a second.
                let tries = Self.tries(tree, "late")
                #expect(began.duration(to: .now) >= .milliseconds(80 * (tries - 1)))
                try disk.empty()
                let late = try await tree.updates(.image, untilTheEndOf: ["late"])
                #expect(late.last?["status"] == "completed")
                try await eventually("the workspace is empty again") { tree.leftovers().isEmpty }
                try await eventually("room is kept again") { Self.size(tree.workspace + "/ledger.reserve") > 0 }
                #expect(try await tree.restarts() == 1)
            }
        }
    }

    @Test("is swept")
    func sweep() async throws {
        try await Self.with { tree, disk in
            let ids = try await Self.jobsThatWaitForCleanup(3, tree)
            try await disk.fill()
            // Their clean-up stage does not come.
            let sweep = try ChildProcess(
                BuiltExecutable.path("supervisor"),
                ["orphans", "--clean"],
                environment: tree.environment.merging(["ORPHAN_GRACE_MINUTES": "0"]) { $1 },
                output: tree.directory + "/orphans"
            )
            #expect(await sweep.wait() == .status(0))
            #expect(tree.leftovers().isEmpty)
            try await disk.fill()
            try await tree.running {
                let updates = try await tree.updates(.image, untilTheEndOf: ids)
                let ends = updates.filter { $0["status"] != "processing" }
                #expect(ends.count == ids.count && ends.allSatisfy { $0["status"] == "completed" })
                try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            }
        }
    }

    private static func with(_ body: (TestTree, SmallDisk) async throws -> Void) async throws {
        try await TestTree.with(settings, starting: false) { tree in
            let disk = try SmallDisk(at: tree.directory + "/temp", mebibytes: 64)
            defer { disk.remove() }
            let photo = tree.sources + "/photo.jpg"
            try await Samples.photo(photo, size: "320x240")
            // Bytes after its end, which decoders leave alone.
            guard truncate(photo, off_t(2 * mebibyte)) == 0 else {
                throw TestTree.Failure(description: "truncate: errno \(errno)")
            }
            try await body(tree, disk)
        }
    }

    private static func jobsThatWaitForCleanup(_ count: Int, _ tree: TestTree) async throws -> Set<String> {
        let ids = (0..<count).map { "job-\($0)" }
        try await tree.running(["WORKERS": (settings["WORKERS"] ?? "") + ",cleanup.image=0"]) {
            for id in ids { try await tree.submit(.image, id: id, source: "photo.jpg") }
            try await eventually("all wait for clean-up") {
                try await tree.client.messageCount(queue: tree.names.work(.image, .cleanup)) == count
            }
        }
        #expect(!tree.leftovers().isEmpty)
        return Set(ids)
    }

    /// The number of times that a stage could not do its work on the job.
    private static func tries(_ tree: TestTree, _ id: String) -> Int {
        tree.log.split(separator: "\n").count { line in
            line.contains("job.id=\(id) ")
                && (line.contains("the job goes back to its queue") || line.contains("failed; trying again in"))
        }
    }

    private static func size(_ path: String) -> Int64 {
        FileStatus(path: path)?.sizeBytes ?? -1
    }
}
