import CrashPoints
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// Two jobs of one medium at a time: their objects have the same keys.
@Suite("Two jobs of one medium at a time", .serialized, .timeLimit(.minutes(10)))
struct OneMediumTests {
    private static let keys =
        ["180p", "360p", "720p", "1080p"].map { "images/medium_\($0).jpg" } + ["medium/result.json"]

    private static func submit(_ tree: TestTree, _ id: String) async throws {
        try await tree.publish(
            [
                "id": .string(id), "mediaId": "medium", "userId": "u", "mediaType": "IMAGE",
                "source": .string("file://\(tree.sources)/\(id).jpg"),
            ],
            to: tree.names.entry(.image)
        )
    }

    /// Two photos, of which all outputs differ.
    private static func makeSources(_ tree: TestTree) async throws {
        for (id, size) in [("first", "320x240"), ("second", "240x320")] {
            try await Samples.photo(tree.sources + "/\(id).jpg", size: size)
        }
    }

    /// - Returns: the file whose removal lets the upload of the job go on, once its outputs are put and noted.
    private static func hold(_ tree: TestTree, _ id: String) async throws -> String {
        let order = CrashOrder(
            process: "stage-upload",
            point: .outputReleased,
            crossing: 1,
            number: Int.random(in: 1...1_000_000),
            effect: .hold
        )
        let file = tree.directory + "/crash"
        try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
        try await submit(tree, id)
        try await eventually("its outputs are put") { access(file + ".held", F_OK) == 0 }
        return file
    }

    /// Cancels a job whose upload is held, and returns when its worker knows.
    private static func cancel(_ tree: TestTree, _ id: String) async throws {
        try await tree.order("DELETE", "/jobs/image/\(id)")
        try await eventually("its worker knows") {
            tree.log.split(separator: "\n").contains {
                $0.contains("its work is told to stop") && $0.contains("job.id=\(id) ")
            }
        }
    }

    private static func owner(_ bytes: [UInt8]?) throws -> String? {
        try bytes.map { try ResultIndex.Listing(parsing: $0).job.id.string }
    }

    private static func wait(_ tree: TestTree, for id: String) async throws {
        try await eventually("\(id) waits") {
            try await tree.get("/jobs/image/\(id)")?.body.objectValue?["step"] == "waiting_for_other_job"
        }
    }

    @Test(
        "go one after the other on a host, and the second one is told to wait, without losing an attempt",
        arguments: TreeStore.Kind.allCases
    )
    func oneHost(_ kind: TreeStore.Kind) async throws {
        try await TreeStore.with(kind, ["WORKERS": "upload.image=2"]) { tree, store in
            try await Self.makeSources(tree)
            let file = try await Self.hold(tree, "first")
            try await Self.submit(tree, "second")
            try await Self.wait(tree, for: "second")
            #expect(try await tree.command("jobs", "second").output.contains("waiting_for_other_job"))
            try FileManager.default.removeItem(atPath: file)
            let updates = try await tree.updates(.image, untilTheEndOf: ["first", "second"])
            let ends = updates.filter { $0["status"] != "processing" }
            #expect(ends.map { $0["job_id"] } == ["first", "second"])
            #expect(ends.allSatisfy { $0["status"] == "completed" })
            let steps = updates.filter { $0["job_id"] == "second" }.map { $0["current_step"]?.stringValue ?? "" }
            let shown = steps.filter { $0.hasPrefix("uploading") || $0.hasPrefix("waiting") }
            #expect(shown == ["uploading_results", "waiting_for_other_job", "uploading_results"], "\(steps)")
            #expect(try await store.keys() == Self.keys.sorted())
            #expect(try Self.owner(await store.object("medium/result.json")) == "second")
            #expect(!tree.log.contains("trying again"))
            #expect(tree.leftovers().isEmpty)
        }
    }

    @Test("leave the first one whole when the second one is cancelled while it waits")
    func cancelled() async throws {
        try await TreeStore.with(.directory, ["WORKERS": "upload.image=2"]) { tree, store in
            try await Self.makeSources(tree)
            let file = try await Self.hold(tree, "first")
            try await Self.submit(tree, "second")
            try await Self.wait(tree, for: "second")
            try await tree.order("DELETE", "/jobs/image/second")
            let second = try await tree.updates(.image, untilTheEndOf: ["second"])
            #expect(second.last { $0["job_id"] == "second" }?["status"] == "cancelled")
            #expect(try await store.keys().count == 4)
            try FileManager.default.removeItem(atPath: file)
            #expect(try await tree.updates(.image, untilTheEndOf: ["first"]).last?["status"] == "completed")
            #expect(try await store.keys() == Self.keys.sorted())
            #expect(try Self.owner(await store.object("medium/result.json")) == "first")
        }
    }

    @Test("let the second one go on when the first one is cancelled, or fails")
    func firstIsCancelled() async throws {
        try await TreeStore.with(.directory, ["WORKERS": "upload.image=2"]) { tree, store in
            try await Self.makeSources(tree)
            let file = try await Self.hold(tree, "first")
            try await Self.submit(tree, "second")
            try await Self.wait(tree, for: "second")
            try await Self.cancel(tree, "first")
            try FileManager.default.removeItem(atPath: file)
            let ends = try await tree.updates(.image, untilTheEndOf: ["first", "second"])
                .filter { $0["status"] != "processing" }
            #expect(ends.map { $0["job_id"] } == ["first", "second"])
            #expect(ends.map { $0["status"] } == ["cancelled", "completed"])
            #expect(try await store.keys() == Self.keys.sorted())
            #expect(try Self.owner(await store.object("medium/result.json")) == "second")
        }
    }

    @Test(
        "of two hosts that know nothing of each other: the one whose outputs were replaced fails, the other is whole",
        arguments: TreeStore.Kind.allCases
    )
    func replaced(_ kind: TreeStore.Kind) async throws {
        try await Self.withHosts(kind) { here, there, store in
            let file = try await Self.hold(here, "first")
            try await Self.submit(there, "second")
            #expect(try await there.updates(.image, untilTheEndOf: ["second"]).last?["status"] == "completed")
            try FileManager.default.removeItem(atPath: file)
            let end = try #require(try await here.updates(.image, untilTheEndOf: ["first"]).last)
            #expect(end["status"] == "failed" && end["error_code"] == "output_replaced" && end["warnings"] == nil)
            #expect(end["error_message"]?.stringValue?.contains("images/medium_") == true, "\(end)")
            #expect(try await store.keys() == Self.keys.sorted())
            #expect(try Self.owner(await store.object("medium/result.json")) == "second")
        }
    }

    @Test(
        "of two hosts: an output that the other one's removal has taken is missed before the index lists it",
        arguments: TreeStore.Kind.allCases
    )
    func removed(_ kind: TreeStore.Kind) async throws {
        try await Self.withHosts(kind) { here, there, store in
            let first = try await Self.hold(here, "first")
            let second = try await Self.hold(there, "second")
            // All four are the second one's now. Nobody's index is there, so its removal takes them.
            try await Self.cancel(there, "second")
            try FileManager.default.removeItem(atPath: second)
            let cancelled = try await there.updates(.image, untilTheEndOf: ["second"]).last
            #expect(cancelled?["status"] == "cancelled")
            #expect(try await store.keys() == [])
            try FileManager.default.removeItem(atPath: first)
            let end = try #require(try await here.updates(.image, untilTheEndOf: ["first"]).last)
            #expect(end["status"] == "failed" && end["error_code"] == "output_replaced")
            #expect(end["error_message"]?.stringValue?.contains("is gone") == true, "\(end)")
            #expect(try await store.keys() == [])
        }
    }

    /// Two trees with queues and ledgers of their own, and one store.
    private static func withHosts(
        _ kind: TreeStore.Kind,
        _ body: (_ here: TestTree, _ there: TestTree, _ store: TreeStore) async throws -> Void
    ) async throws {
        try await TreeStore.with(kind) { here, store in
            var settings = here.environment.filter { $0.key.hasPrefix("AWS_") }
            settings["STORAGE_URL"] = here.environment["STORAGE_URL"]
            try await TestTree.with(settings) { there in
                for tree in [here, there] { try await makeSources(tree) }
                try await body(here, there, store)
            }
        }
    }
}
