import AMQP
import Foundation
import Glibc
import JobModel
import Queues
import TestSupport
import Testing

@Suite("The clean-up stage", .serialized)
struct CleanupStageTests {
    @Test("is replaced by the sweep while it does not work, and ends its jobs once when it does again")
    func isReplaced() async throws {
        try await TestTree.with(starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            try await tree.running(["WORKERS": "cleanup.image=0"]) {
                try await tree.submit(.image, id: "waits", source: "photo.jpg")
                try await eventually("the job waits for clean-up") {
                    try await tree.client.messageCount(queue: tree.names.work(.image, .cleanup)) == 1
                }
                #expect(!tree.leftovers().isEmpty)
            }
            // It looks at its start.
            try await tree.running(["WORKERS": "cleanup.image=0", "ORPHAN_GRACE_MINUTES": "0"]) {
                try await eventually("its files are gone") {
                    let files = try await tree.get("/health")?.body.objectValue?["tempFiles"]?.objectValue?["image"]
                    return tree.leftovers().isEmpty && files?.objectValue?["totalFiles"]?.clampedInteger == 0
                }
                #expect(try await tree.get("/jobs/image/waits")?.body.objectValue?["state"] == "active")
            }
            #expect(tree.log.contains("overdueCleanup"))
            try await tree.running {
                let updates = try await tree.updates(.image, untilTheEndOf: ["waits"])
                #expect(updates.filter { $0["status"] != "processing" }.map { $0["status"] } == ["completed"])
            }
        }
    }

    @Test(
        "tells the end of a job whose file is stuck, names the file and its errno, and the file goes once it can",
        .enabled(if: Immutable.isPossible, "needs the right to make a file immutable")
    )
    func stuckFile() async throws {
        // Two attempts: the second comes after a second.
        try await TestTree.with(["MAX_ATTEMPTS": "2"], starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            try await tree.running(["WORKERS": "cleanup.image=0"]) {
                try await tree.submit(.image, id: "stuck", source: "photo.jpg")
                try await eventually("the job waits for clean-up") {
                    try await tree.client.messageCount(queue: tree.names.work(.image, .cleanup)) == 1
                }
            }
            let source = tree.workspace + "/jobs/image/stuck/source"
            #expect(Immutable.set(source, true))
            defer { _ = Immutable.set(source, false) }
            try await tree.running {
                let updates = try await tree.updates(.image, untilTheEndOf: ["stuck"])
                #expect(updates.last?["status"] == "completed")
                let health = try #require(try await tree.get("/health")?.body.objectValue)
                let stuck = health["stuck"]?.arrayValue?.first?.objectValue
                #expect(stuck?["path"]?.stringValue == source)
                #expect(stuck?["errno"]?.clampedInteger == Int64(EPERM))
                let problems = health["problems"]?.arrayValue?.compactMap(\.stringValue) ?? []
                #expect(problems.contains { $0.contains(source) && $0.contains("Operation not permitted") })
                #expect(tree.log.contains("a temp file cannot be removed"))
                #expect(Immutable.set(source, false))
                let found = try ChildProcess(
                    BuiltExecutable.path("supervisor"),
                    ["orphans", "--clean"],
                    environment: tree.environment,
                    output: tree.directory + "/orphans"
                )
                #expect(await found.wait() == .status(0))
                #expect(tree.leftovers().isEmpty)
                let later = try #require(try await tree.get("/health")?.body.objectValue)
                #expect(later["stuck"]?.arrayValue?.isEmpty ?? true)
            }
        }
    }
}
