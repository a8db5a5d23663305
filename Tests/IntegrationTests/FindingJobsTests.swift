import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("Jobs are found")
struct FindingJobsTests {
    @Test("by media id and source, byte for byte, by the command line and by HTTP, and are listed with both")
    func found() async throws {
        try await TestTree.with { tree in
            try await Samples.photo(tree.sources + "/caf\u{E9}.jpg", size: "320x240")
            let source = "file://\(tree.sources)/caf%C3%A9.jpg"
            let media = [("one", "caf\u{E9}"), ("two", "cafe\u{301}")]
            for (id, media) in media {
                try await tree.publish(
                    ["id": .string(id), "mediaId": .string(media), "mediaType": "IMAGE", "source": .string(source)],
                    to: tree.names.entry(.image)
                )
            }
            try await tree.publish(
                ["id": "three", "mediaId": "m", "mediaType": "IMAGE", "s3Key": "none/clip.jpg"],
                to: tree.names.entry(.image)
            )
            _ = try await tree.updates(.image, untilTheEndOf: ["one", "two", "three"])

            func ids(_ arguments: String...) async throws -> [String] {
                let run = try await tree.command(["jobs", "--json"] + arguments)
                #expect(run.exit == .status(0), "\(run.errors)")
                return try run.document["jobs"]?.arrayValue?.compactMap { $0.objectValue?["id"]?.stringValue } ?? []
            }
            #expect(try await ids("--media-id", "caf\u{E9}") == ["one"])
            #expect(try await ids("--media-id", "cafe\u{301}") == ["two"])
            #expect(try await ids("--media-id", "caf").isEmpty)
            #expect(Set(try await ids("--source", source)) == ["one", "two"])
            #expect(try await ids("--source", source, "--media-id", "cafe\u{301}") == ["two"])
            #expect(try await ids("--source", "none/clip.jpg") == ["three"])
            #expect(try await ids("--source", "key:none/clip.jpg", "--outcome", "failed") == ["three"])
            #expect(try await ids("--source", "key:none/clip.jpg", "--outcome", "completed").isEmpty)

            for (search, count) in [("three", 1), ("caf%C3%A9", 1), ("none/clip.jpg", 1), ("nobody", 0)] {
                let list = try #require(try await tree.get("/jobs?search=\(search)")?.body.objectValue)
                #expect(list["jobs"]?.arrayValue?.count == count, "\(search)")
            }
            let table = try await tree.command("jobs").output
            #expect(table.contains("MEDIA ID") && table.contains("caf\u{E9}"))
            #expect(table.contains("key:none/clip.jpg"))
            let detail = try await tree.command("jobs", "three").output
            #expect(detail.contains("source     key:none/clip.jpg"))
            let refused = try await tree.command("jobs", "three", "--media-id", "m")
            #expect(refused.exit == .status(64))
        }
    }
}
