import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("Bad input", .serialized)
struct BadInputTests {
    struct BadSource: Sendable {
        var id: String
        var kind: MediaKind
        var stage: String
        /// Must be in the error message.
        var cause: String
        var fields: [ByteText: JSONValue]

        init(_ id: String, _ kind: MediaKind, _ stage: String, _ cause: String, _ fields: [ByteText: JSONValue]) {
            self.id = id
            self.kind = kind
            self.stage = stage
            self.cause = cause
            self.fields = fields
        }
    }

    @Test("fails its job with the cause, and neither leaves a file nor kills a worker")
    func failures() async throws {
        try await TestTree.with { tree in
            let store = tree.store
            try Data().write(to: URL(filePath: store + "/empty.mp4"))
            try Data().write(to: URL(filePath: store + "/empty.jpg"))
            try Data("this is no film\n".utf8).write(to: URL(filePath: store + "/text.mp4"))
            try Data("this is no picture\n".utf8).write(to: URL(filePath: store + "/text.jpg"))
            try Data("this is no picture\n".utf8).write(to: URL(filePath: store + "/bell\u{7}.jpg"))
            try await Samples.video(store + "/whole.mp4")
            let whole = try Data(contentsOf: URL(filePath: store + "/whole.mp4"))
            try whole.prefix(whole.count / 2).write(to: URL(filePath: store + "/truncated.mp4"))
            try await Samples.soundOnly(store + "/sound.mp4")
            try FileManager.default.createDirectory(atPath: store + "/folder", withIntermediateDirectories: true)
            let cases: [BadSource] = [
                BadSource("empty-video", .video, "download", "empty", ["s3Key": "empty.mp4"]),
                BadSource("empty-image", .image, "download", "empty", ["s3Key": "empty.jpg"]),
                BadSource("text-video", .video, "process", "", ["s3Key": "text.mp4"]),
                BadSource("text-image", .image, "process", "", ["s3Key": "text.jpg"]),
                BadSource("truncated", .video, "process", "", ["s3Key": "truncated.mp4"]),
                BadSource("sound", .video, "process", "no video stream", ["s3Key": "sound.mp4"]),
                BadSource("missing", .video, "download", "no object `none.mp4`", ["s3Key": "none.mp4"]),
                BadSource("folder", .image, "download", "", ["s3Key": "folder"]),
                BadSource("escape", .video, "download", "../", ["s3Key": "../../etc/passwd"]),
                BadSource("absolute", .image, "download", "", ["s3Key": "/etc/passwd"]),
                BadSource("no-source", .video, "download", "no source", [:]),
                BadSource("outside", .video, "download", "FILE_SOURCE_ROOTS", ["source": "file:///etc/passwd"]),
                BadSource(
                    "endless",
                    .video,
                    "download",
                    "FILE_SOURCE_ROOTS",
                    ["source": .string("file:///" + String(repeating: "a", count: 70_000))]
                ),
                BadSource("scheme", .video, "download", "gopher", ["source": "gopher://x/y"]),
                BadSource("media-id", .image, "download", "mediaId", ["s3Key": "text.jpg", "mediaId": "../../x"]),
                BadSource(
                    "media-mark",
                    .image,
                    "download",
                    "mediaId",
                    ["s3Key": "text.jpg", "mediaId": "a/..\u{2F}\u{301}x"]
                ),
                BadSource("doubled", .image, "download", "two in a row", ["s3Key": "a//b.jpg"]),
                // A legal name of a file, and a legal key.
                BadSource("control", .image, "process", "", ["s3Key": "bell\u{7}.jpg"]),
                BadSource("hidden\u{9B}\u{2028}\u{202E}", .image, "download", "empty", ["s3Key": "empty.jpg"]),
                BadSource("weird/../id é", .image, "download", "empty", ["s3Key": "empty.jpg", "mediaId": "plain"]),
            ]
            for bad in cases {
                var job = bad.fields
                job["id"] = .string(bad.id)
                job["mediaId"] = job["mediaId"] ?? .string(bad.id)
                job["mediaType"] = .string(bad.kind.mediaType)
                try await tree.publish(.object(job), to: tree.names.work(bad.kind, .download))
            }
            for kind in MediaKind.allCases {
                let mine = cases.filter { $0.kind == kind }
                let updates = try await tree.updates(kind, untilTheEndOf: Set(mine.map(\.id)))
                let letters = try await tree.drain(tree.names.dead(kind))
                for bad in mine {
                    let ends = updates.filter { $0["job_id"]?.stringValue == bad.id && $0["status"] != "processing" }
                    #expect(ends.count == 1, "\(bad.id)")
                    let end = try #require(ends.first)
                    #expect(end["status"] == "failed", "\(bad.id)")
                    let message = try #require(end["error_message"]?.stringValue)
                    #expect(message.hasPrefix("job \(bad.id) failed in \(bad.stage): "), "\(message)")
                    #expect(bad.cause.isEmpty || message.contains(bad.cause), "\(message)")
                    let step = bad.stage == "download" ? "download_failed" : "processing_failed"
                    #expect(end["current_step"]?.stringValue == step)
                    #expect(end["stage"]?.stringValue == bad.stage)
                    let letter = letters.first { $0.headers["x-job-id"] == .string(AMQPText(bad.id)) }
                    let code = AMQPText(end["error_code"]?.stringValue ?? "none")
                    #expect(letter?.headers["x-reason-code"] == .string(code))
                    let key = bad.fields["s3Key"]?.stringValue.map { " (source: the key \($0.shown))" }
                    #expect(key.map { message.hasSuffix($0) } ?? true, "\(message)")
                }
                #expect(
                    Set(letters.compactMap { try? Ticket(parsing: $0.body, expecting: kind).id.string })
                        == Set(mine.map(\.id))
                )
                #expect(letters.allSatisfy { $0.headers["x-reason"] != nil && $0.headers["x-stage"] != nil })
            }
            #expect(tree.leftovers().isEmpty)
            #expect(try await tree.restarts() == 0)
            // Whatever an id or a key holds, it begins no line of the log, and turns nothing around in it.
            #expect(tree.log.unicodeScalars.allSatisfy { $0.isShown || $0 == "\n" })
        }
    }

    @Test("that would be written above the store, by a mark that hides a slash, fails")
    func aboveTheStore() async throws {
        let settings = ["IMAGE_KEY_TEMPLATE": "{mediaId}_{quality}.{ext}"]
        try await TestTree.with(settings) { tree in
            try await Samples.photo(tree.store + "/photo.jpg", size: "320x240")
            let job: JSONValue = [
                "id": "attack", "mediaId": "../\u{301}evil", "mediaType": "IMAGE", "s3Key": "photo.jpg",
            ]
            try await tree.publish(job, to: tree.names.work(.image, .download))
            let end = try await tree.updates(.image, untilTheEndOf: ["attack"]).last
            #expect(end?["status"] == "failed")
            let message = end?["error_message"]?.stringValue ?? ""
            #expect(message.contains("`..` part") && message.contains("mediaId"), "\(message)")
            let found = try FileManager.default.subpathsOfDirectory(atPath: tree.directory)
            #expect(found.filter { $0.contains("evil") } == [])
        }
    }

    @Test("that is no job message becomes a dead letter with its bytes and the reason")
    func deadLetters() async throws {
        try await TestTree.with { tree in
            let bodies: [(String, String)] = [
                ("not json at all {", "not_json"),
                ("", "not_json"),
                (#"["a list"]"#, "not_an_object"),
                (#"{"mediaId":"m","mediaType":"VIDEO"}"#, "missing_field"),
                (#"{"id":"a","mediaId":"m","mediaType":"HOLOGRAM"}"#, "unknown_kind"),
                (#"{"id":"a","mediaId":"m","mediaType":"IMAGE"}"#, "unknown_kind"),
                (#"{"id":"a","mediaId":"m","mediaType":"VIDEO","tempFiles":"none"}"#, "wrong_type"),
                (#"{"id":"a","mediaId":"m","mediaType":"VIDEO","s3Key":"k","hop":1099511627776}"#, "invalid_value"),
                (#"{"type":"smell_processing_request","job_id":"a","media_id":"m"}"#, "unknown_kind"),
                ("\u{0}\u{1}\u{2}", "not_json"),
                (
                    String(repeating: "[", count: 400) + String(repeating: "1.5,", count: 10_000) + "0"
                        + String(repeating: "]", count: 400), "not_json"
                ),
            ]
            for stage in [Stage.download, .upload] {
                for (body, _) in bodies {
                    try await tree.client.publish(
                        AMQPMessage(body: Array(body.utf8)),
                        to: tree.names.work(.video, stage)
                    )
                }
            }
            for (body, _) in bodies {
                try await tree.client.publish(
                    AMQPMessage(body: Array(body.utf8)),
                    to: tree.names.legacyRequests(.video)
                )
            }
            let dead = tree.names.dead(.video)
            try await eventually("all are dead letters") {
                try await tree.client.messageCount(queue: dead) == bodies.count * 3
            }
            let letters = try await tree.drain(dead)
            for (body, code) in bodies {
                let mine = letters.filter { $0.body == Array(body.utf8) }
                #expect(mine.count == 3)
                #expect(mine.allSatisfy { $0.headers["x-reason-code"] == .string(code) }, "\(body)")
            }
            // Those whose id can be read.
            let updates = tree.names.updates(.video)
            let named = bodies.count { $0.0.contains(#"id":"a""#) }
            try await eventually("all are told") { try await tree.client.messageCount(queue: updates) == named * 3 }
            for delivery in try await tree.drain(updates) {
                let update = try JSONValue(parsing: delivery.body).objectValue
                #expect(update?["job_id"] == "a" && update?["refused"] == true)
            }
            #expect(tree.leftovers().isEmpty)
            #expect(try await tree.restarts() == 0)
            for stage in Stage.allCases {
                #expect(try await tree.client.messageCount(queue: tree.names.work(.video, stage)) == 0)
            }
        }
    }
}
