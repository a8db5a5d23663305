import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

@Suite("The result index of a tree", .serialized, .timeLimit(.minutes(5)))
struct ResultIndexTests {
    private static let index = "media-indexed/result.json"

    @Test(
        "is not there before all outputs are, and comes after the death of the worker that was about to write it",
        arguments: TreeStore.Kind.allCases
    )
    func last(_ kind: TreeStore.Kind) async throws {
        try await TreeStore.with(kind) { tree, store in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let order = CrashOrder(
                process: "stage-upload",
                point: .objectWritten,
                crossing: 5,
                number: 1,
                effect: .hold
            )
            let file = tree.directory + "/crash"
            try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
            try await tree.submit(.image, id: "indexed", source: "photo.jpg")
            try await eventually("the worker is about to write it") { access(file + ".held", F_OK) == 0 }
            let outputs = try await store.keys()
            #expect(outputs.count == 4 && outputs.allSatisfy { $0.hasPrefix("images/media-indexed_") }, "\(outputs)")
            let worker = try #require(try await tree.worker("upload.image"))
            kill(worker.processID, SIGKILL)
            try FileManager.default.removeItem(atPath: file)
            let updates = try await tree.updates(.image, untilTheEndOf: ["indexed"])
            #expect(updates.last?["status"] == "completed")
            #expect(updates.last?["result_key"]?.stringValue == Self.index)
            #expect(try await store.keys() == (outputs + [Self.index]).sorted())
            let listing = try ResultIndex.Listing(parsing: try #require(try await store.object(Self.index)))
            #expect(listing.job == JobKey(kind: .image, id: "indexed"))
            #expect(listing.keys == Set(outputs.map { ByteText($0) }))
            #expect(tree.leftovers().isEmpty)
        }
    }
}
