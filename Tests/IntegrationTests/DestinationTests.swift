import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// Whole trees whose jobs say where their outputs go.
@Suite("Outputs to a destination and to signed URLs", .serialized, .timeLimit(.minutes(10)))
struct DestinationTests {
    private func job(_ id: String, _ tree: TestTree, _ more: [ByteText: JSONValue]) -> JSONValue {
        .object(
            [
                "id": .string(id), "mediaId": .string("m-\(id)"), "mediaType": "IMAGE",
                "source": .string("file://\(tree.sources)/photo.jpg"),
            ].merging(more) { $1 }
        )
    }

    private func locations(_ tree: TestTree, _ id: String) async throws -> [String] {
        let outputs = try await tree.get("/jobs/image/\(id)")?.body.objectValue?["outputs"]?.arrayValue ?? []
        return outputs.compactMap { $0.objectValue?["location"]?.stringValue }
    }

    @Test("A directory that is allowed gets the outputs, and no other one does")
    func directory() async throws {
        let allowed = "/tmp/media-processor-destination-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: allowed) }
        try await TestTree.with(["DESTINATION_PREFIXES": "file://\(allowed)"]) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let place: JSONValue = .string("file://\(allowed)/eve/one")
            #expect(try await tree.post("/jobs", job("inside", tree, ["destination": place])).status == 202)
            let outside: JSONValue = .string("file://\(allowed)/../elsewhere")
            let answer = try await tree.post("/jobs", job("outside", tree, ["destination": outside]))
            #expect(answer.status == 422 && answer.body.objectValue?["code"] == "destination_not_allowed")
            try await tree.publish(job("outside", tree, ["destination": outside]), to: tree.names.entry(.image))
            let updates = try await tree.updates(.image, untilTheEndOf: ["inside", "outside"])
            let ends = updates.filter { $0["status"]?.stringValue != "processing" }
            #expect(ends.first { $0["job_id"] == "inside" }?["status"] == "completed")
            #expect(ends.first { $0["job_id"] == "outside" }?["error_code"] == "destination_not_allowed")
            let places = try await locations(tree, "inside")
            #expect(places.count == 4)
            for place in places {
                #expect(place.hasPrefix("file://\(allowed)/eve/one/images/m-inside_"))
                #expect(FileManager.default.fileExists(atPath: String(place.dropFirst("file://".count))))
            }
            #expect(
                try FileManager.default.subpathsOfDirectory(atPath: tree.store).filter { $0.hasSuffix(".jpg") } == []
            )
            let photo = tree.sources + "/photo.jpg"
            let byHand = "file://\(allowed)/by%20hand"
            let done = try await tree.command("submit", photo, "--media-id", "cli", "--destination", byHand, "--wait")
            #expect(done.exit == .status(0), "\(done)")
            let index = try Data(contentsOf: URL(filePath: allowed + "/by hand/cli/result.json"))
            #expect(String(decoding: index, as: UTF8.self).contains(byHand + "/images/cli_"))
            for wrong in [["--destination", "https://h/a"], ["--upload-url", "https://h/a?sig=hunter2"]] {
                let refused = try await tree.command(["submit", photo] + wrong)
                #expect(refused.exit == .status(64) && !refused.errors.contains("hunter2"), "\(refused)")
            }
            #expect(tree.leftovers().isEmpty)
        }
    }

    @Test("One with a user, a password or a query is refused, and what is secret in it is kept nowhere")
    func secrets() async throws {
        try await TestTree.with(["DESTINATION_PREFIXES": "file:///srv/allowed", "LOG_LEVEL": "debug"]) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            var shown: [String] = []
            let places = ["file://eve:hunter2@host/srv/allowed", "file:///srv/allowed/x?sig=hunter2"]
            for (number, place) in places.enumerated() {
                let job = job("secret-\(number)", tree, ["destination": .string(place)])
                let answer = try await tree.post("/jobs", job)
                #expect(answer.status == 422 && answer.body.objectValue?["code"] == "destination_not_allowed")
                shown.append("\(answer)")
                try await tree.publish(job, to: tree.names.entry(.image))
            }
            let updates = try await tree.updates(.image, untilTheEndOf: ["secret-0", "secret-1"])
            let ends = updates.filter { $0["status"] == "failed" }
            #expect(ends.count == 2 && ends.allSatisfy { $0["error_code"] == "destination_not_allowed" })
            shown += updates.map { String(decoding: JSONValue.object($0).serialized(), as: UTF8.self) } + [tree.log]
            for path in ["/jobs", "/jobs/image/secret-0", "/jobs/image/secret-1", "/dead"] {
                shown.append(try await tree.text(path))
            }
            let letters = try await tree.drain(tree.names.dead(.image))
            #expect(letters.count == 2)
            for letter in letters {
                let body = String(decoding: letter.body, as: UTF8.self)
                #expect(body.contains(#""destination":"file:"#))
                shown += [body, "\(letter.headers)"]
            }
            // The ledger, with its log of changes.
            for name in try FileManager.default.contentsOfDirectory(atPath: tree.workspace)
            where name.contains("ledger") {
                let bytes = FileManager.default.contents(atPath: tree.workspace + "/" + name) ?? Data()
                shown.append(String(decoding: bytes, as: UTF8.self))
            }
            for text in shown { #expect(!text.contains("hunter2")) }
        }
    }

    @Test("A part of a bucket and single signed URLs get the outputs; signatures are nowhere but in the messages")
    func bucket() async throws {
        let store = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("destination")
        let settings = TestObjectStore.environment.merging([
            "STORAGE_URL": store.url(prefix + "/own"), "DESTINATION_PREFIXES": "s3://media/\(prefix)/customers",
            "ALLOW_HTTP": "1", "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8", "IMAGE_VARIANTS": "small=120,large=240",
        ]) { $1 }
        try await TestTree.with(settings) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let url = try await store.python(
                """
                place = {"Bucket": bucket, "Key": arguments[0]}
                print(s3.generate_presigned_url("put_object", Params=place, ExpiresIn=600))
                """,
                "\(prefix)/signed/small.jpg"
            ).trimmingCharacters(in: .newlines)
            let secret = try #require(url.split(separator: "?").last.map(String.init))
            let dead = "http://127.0.0.1:\(store.port)/media/x?X-Amz-Date=20200101T000000Z&X-Amz-Expires=9&\(secret)"
            let places: [ByteText: JSONValue] = [
                "destination": .string("s3://media/\(prefix)/customers/eve"),
                "uploadUrls": ["small": .string(url), "none": .string(url)],
            ]
            #expect(try await tree.post("/jobs", job("signed", tree, places)).status == 202)
            let late = job("late", tree, ["uploadUrls": ["small": .string(dead)]])
            let answer = try await tree.post("/jobs", late)
            #expect(answer.status == 422 && answer.body.objectValue?["code"] == "upload_url_expired")
            #expect(!"\(answer)".contains(secret))
            try await tree.publish(late, to: tree.names.entry(.image))
            // The store refuses one output, so the other one must not stay.
            let forged = url.replacing("Signature=", with: "Signature=0")
            let half: [ByteText: JSONValue] = [
                "destination": .string("s3://media/\(prefix)/customers/bob"), "uploadUrls": ["small": .string(forged)],
            ]
            #expect(try await tree.post("/jobs", job("half", tree, half)).status == 202)
            let updates = try await tree.updates(.image, untilTheEndOf: ["signed", "late", "half"])
            let ends = updates.filter { $0["status"]?.stringValue != "processing" }
            #expect(ends.first { $0["job_id"] == "signed" }?["status"] == "completed", "\(ends)")
            #expect(ends.first { $0["job_id"] == "late" }?["error_code"] == "upload_url_expired")
            #expect(ends.first { $0["job_id"] == "half" }?["error_code"] == "upload_refused")
            #expect(try await store.keys("\(prefix)/customers/bob/") == [])
            #expect(try await store.keys("\(prefix)/customers/eve/").contains { $0.hasSuffix("result.json") })
            let found = try await locations(tree, "signed").sorted()
            #expect(
                found == [
                    "http://127.0.0.1:\(store.port)/media/\(prefix)/signed/small.jpg",
                    "s3://media/\(prefix)/customers/eve/images/m-signed_large.jpg",
                ]
            )
            #expect(try await store.object("\(prefix)/signed/small.jpg")?.starts(with: [0xFF, 0xD8]) == true)
            #expect(try await store.object("\(prefix)/customers/eve/images/m-signed_large.jpg") != nil)
            #expect(try await store.object("\(prefix)/customers/eve/images/m-signed_small.jpg") == nil)
            var shown = updates.map { String(decoding: JSONValue.object($0).serialized(), as: UTF8.self) }
            for path in [
                "/jobs", "/jobs/image/signed", "/jobs/image/late", "/jobs/image/half", "/dead", "/info", "/health",
            ] {
                shown.append(try await tree.text(path))
            }
            shown.append(tree.log)
            for text in shown { #expect(!text.contains(secret), "\(text)") }
            let letters = try await tree.drain(tree.names.dead(.image))
            #expect(letters.count == 2)
            for letter in letters { #expect(!"\(letter.headers)".contains(secret)) }
            #expect(tree.leftovers().isEmpty)
        }
    }
}
