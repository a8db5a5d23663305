import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("A job that did not complete")
struct UnpublishedOutputsTests {
    private func outputs(_ tree: TestTree, _ id: String) async throws -> [[ByteText: JSONValue]] {
        let job = try #require(try await tree.get("/jobs/image/\(id)")?.body.objectValue)
        return job["outputs"]?.arrayValue?.compactMap(\.objectValue) ?? []
    }

    @Test("removes the outputs that were published before it failed, and lists none")
    func failed() async throws {
        try await TestTree.with(["MAX_ATTEMPTS": "1"]) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg")
            // No object can take the place of a directory.
            let blocked = "images/media-half_720p.jpg"
            try FileManager.default.createDirectory(
                atPath: "\(tree.store)/\(blocked)/in-the-way",
                withIntermediateDirectories: true
            )
            try Data("not ours".utf8).write(to: URL(filePath: tree.store + "/images/other.jpg"))
            try await tree.submit(.image, id: "half", source: "photo.jpg")
            let updates = try await tree.updates(.image, untilTheEndOf: ["half"])
            #expect(updates.last?["status"] == "failed")
            #expect(updates.last?["warnings"] == nil)
            // Some were there.
            #expect(tree.log.contains("cleanup: the objects of a job that did not complete are removed"))
            #expect(!tree.log.contains("object.removed=0"))
            let listed = try await outputs(tree, "half")
            #expect(listed.isEmpty)
            let stored = try FileManager.default.contentsOfDirectory(atPath: tree.store + "/images")
                .map { "images/" + $0 }.filter { $0 != blocked }.sorted()
            #expect(stored == ["images/other.jpg"])
            let shown = try await tree.command("jobs", "half").output
            #expect(shown.split(separator: "\n").count { $0.hasPrefix("image_scaled") } == listed.count)
            // Nor does its dead letter name files that are gone.
            let letter = try #require(try await tree.peek(tree.names.dead(.image)))
            #expect(letter["outputs"]?.arrayValue?.count ?? 0 == listed.count)
            #expect(tree.leftovers().isEmpty)
        }
    }

    @Test("lists no output when it was cancelled before its upload")
    func cancelled() async throws {
        try await TestTree.with(["WORKERS": "upload.image=0"]) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg")
            try await tree.submit(.image, id: "waits", source: "photo.jpg")
            try await eventually("it waits for its upload") {
                try await tree.get("/jobs/image/waits")?.body.objectValue?["stage"] == "upload"
            }
            // While it lives, they are there.
            try await tree.order("DELETE", "/jobs/image/waits")
            let updates = try await tree.updates(.image, untilTheEndOf: ["waits"])
            #expect(updates.last?["status"] == "cancelled")
            let listed = try await outputs(tree, "waits")
            #expect(listed.isEmpty, "\(listed)")
        }
    }
}
