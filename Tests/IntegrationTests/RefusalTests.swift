import AMQP
import CrashPoints
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// Messages that are not taken, though the id of a job can be read in them: nobody may wait for that job for ever.
@Suite("A refused message", .serialized)
struct RefusalTests {
    private typealias Update = [ByteText: JSONValue]

    private struct Refused {
        var id: String
        var body: String
        var code: String
        var mediaID: String? = "m"
    }

    private static let refused = [
        Refused(
            id: "queue",
            body: #"{"id":"queue","mediaId":"m","userId":"u","mediaType":"VIDEO","s3Key":"k"}"#,
            code: "unknown_kind"
        ),
        Refused(
            id: "type",
            body: #"{"id":"type","mediaId":"m","userId":"u","mediaType":"HOLOGRAM"}"#,
            code: "unknown_kind"
        ),
        Refused(id: "no-type", body: #"{"id":"no-type","mediaId":"m","userId":"u"}"#, code: "missing_field"),
        Refused(
            id: "no-media",
            body: #"{"id":"no-media","mediaType":"IMAGE","userId":"u"}"#,
            code: "missing_field",
            mediaID: nil
        ),
        Refused(
            id: "hop",
            body: #"{"id":"hop","mediaId":"m","mediaType":"IMAGE","userId":"u","hop":1000001}"#,
            code: "invalid_value"
        ),
        Refused(
            id: "priority",
            body: #"{"id":"priority","mediaId":"m","mediaType":"IMAGE","userId":"u","priority":10}"#,
            code: "invalid_value"
        ),
        Refused(
            id: "files",
            body: #"{"id":"files","mediaId":"m","mediaType":"IMAGE","userId":"u","tempFiles":[{"path":7}]}"#,
            code: "wrong_type"
        ),
        Refused(
            id: "request",
            body: #"{"type":"smell_processing_request","job_id":"request","media_id":"m","user_id":"u"}"#,
            code: "unknown_kind"
        ),
        Refused(
            id: "long",
            body: #"{"id":"long","mediaId":"m","mediaType":"IMAGE","userId":"u","pad":""#
                + String(repeating: "x", count: Ticket.maximumEntryBytes) + "\"}",
            code: "too_large"
        ),
    ]

    private static func updates(_ tree: TestTree) async throws -> [Update] {
        try await tree.drain(tree.names.updates(.image)).map { try JSONValue(parsing: $0.body).objectValue ?? [:] }
    }

    private static func send(_ body: String, _ tree: TestTree, to queue: String) async throws {
        try await tree.client.publish(AMQPMessage(body: Array(body.utf8)), to: queue)
    }

    @Test("is told with its reason to those who wait for its job, once, and is a dead letter with its bytes")
    func told() async throws {
        try await TestTree.with { tree in
            let (names, dead) = (tree.names, tree.names.dead(.image))
            let queues = [names.work(.image, .download), names.legacyRequests(.image), names.work(.image, .upload)]
            for (number, queue) in queues.enumerated() {
                let anonymous = ["no json", #"{"mediaId":"m","mediaType":"IMAGE"}"#, #"{"id":7,"mediaType":"IMAGE"}"#]
                for body in Self.refused.map(\.body) + anonymous { try await Self.send(body, tree, to: queue) }
                try await eventually("all are dead letters") {
                    try await tree.client.messageCount(queue: dead) == Self.refused.count + anonymous.count
                }
                let letters = try await tree.drain(dead)
                try await eventually("all are told") {
                    try await tree.client.messageCount(queue: names.updates(.image)) == Self.refused.count
                }
                let updates = try await Self.updates(tree)
                for refused in Self.refused {
                    let letter = try #require(letters.first { $0.body == Array(refused.body.utf8) })
                    #expect(letter.headers["x-reason-code"] == .string(AMQPText(refused.code)))
                    let mine = updates.filter { $0["job_id"]?.stringValue == refused.id }
                    let update = try #require(mine.first)
                    #expect(mine.count == 1 && update["status"] == "failed" && update["refused"] == true)
                    #expect(update["error_code"]?.stringValue == refused.code, "\(refused.id)")
                    #expect(update["media_id"]?.stringValue == refused.mediaID, "\(refused.id)")
                    #expect(update["type"] == "image_processing_update" && update["userId"] == "u")
                    #expect(update["progress"] == 0 && update["stage"] == (number == 2 ? "upload" : "download"))
                    #expect(update["current_step"] == (number == 2 ? "upload_failed" : "download_failed"))
                    let words = update["error_message"]?.stringValue ?? ""
                    #expect(words.hasPrefix("a message of job \(refused.id) was refused: "), "\(words)")
                    #expect(try await tree.get("/jobs/image/\(refused.id)")?.status == 404)
                }
            }
            let lines = tree.log.split(separator: "\n").filter { $0.contains("a message is refused") }
            #expect(lines.count == 3 * (Self.refused.count + 3))
            #expect(lines.count { $0.contains("update.sent=true") } == 3 * Self.refused.count)
        }
    }

    private static func job(_ id: String, media: String, _ tree: TestTree, more: String = "") -> String {
        #"{"id":"\#(id)","mediaId":"\#(media)","mediaType":"IMAGE","source":"file://\#(tree.sources)/photo.jpg"\#(more)}"#
    }

    /// Waits until all that was sent before is settled.
    private static func settle(_ tree: TestTree, _ id: String) async throws -> [Update] {
        try await Self.send(Self.job(id, media: id, tree), tree, to: tree.names.entry(.image))
        return try await tree.updates(.image, untilTheEndOf: [id]).filter { $0["job_id"]?.stringValue != id }
    }

    @Test("with the id of a job that is over is told and lies among the dead letters; the job's own again is dropped")
    func usedID() async throws {
        try await TestTree.with { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let (entry, dead) = (tree.names.entry(.image), tree.names.dead(.image))
            let first = Self.job("one", media: "first", tree)
            try await Self.send(first, tree, to: entry)
            _ = try await tree.updates(.image, untilTheEndOf: ["one"])
            // The same to the byte, and the same job said otherwise.
            try await Self.send(first, tree, to: entry)
            let again = Self.job("one", media: "first", tree, more: #","createdAt":"2026-01-01T00:00:00Z","trace":1"#)
            try await Self.send(again, tree, to: entry)
            #expect(try await Self.settle(tree, "later-1").isEmpty)
            #expect(try await tree.client.messageCount(queue: dead) == 0)
            // Other content, also as the older service's clients send it.
            let others = [
                Self.job("one", media: "second", tree),
                #"{"type":"image_processing_request","job_id":"one","media_id":"second","s3_key":"k","user_id":"u"}"#,
            ]
            for (body, queue) in zip(others, [entry, tree.names.legacyRequests(.image)]) {
                try await Self.send(body, tree, to: queue)
                try await eventually("it is refused") { try await tree.client.messageCount(queue: dead) == 1 }
                let letter = try #require(try await tree.drain(dead).first)
                #expect(letter.body == Array(body.utf8) && letter.headers["x-reason-code"] == "used_id")
                try await eventually("it is told") {
                    try await tree.client.messageCount(queue: tree.names.updates(.image)) == 1
                }
                let update = try #require(try await Self.updates(tree).first)
                #expect(update["job_id"] == "one" && update["media_id"] == "second" && update["refused"] == true)
                #expect(update["status"] == "failed" && update["error_code"] == "used_id")
            }
            #expect(
                try FileManager.default.subpathsOfDirectory(atPath: tree.store).allSatisfy { !$0.contains("second") }
            )
            // It is not sent back: it would be a new run of the job that has the id.
            try await Self.send(others[0], tree, to: entry)
            try await eventually("it is refused") { try await tree.client.messageCount(queue: dead) == 1 }
            let redriven = try await tree.post("/dead/redrive", ["all": true])
            #expect(redriven.body.objectValue?["jobs"]?.arrayValue?.isEmpty == true)
            #expect(redriven.body.objectValue?["unreadable"]?.clampedInteger == 1)
            let job = try #require(try await tree.get("/jobs/image/one")?.body.objectValue)
            #expect(job["mediaId"] == "first" && job["outcome"] == "completed")
            let late = try await Self.settle(tree, "later-2")
            #expect(late.allSatisfy { $0["refused"] == true })
        }
    }

    @Test("with the id of a job that goes on is a dead letter, of which clients hear nothing but the job's own end")
    func activeID() async throws {
        try await TestTree.with(["WORKERS": "download.image=2,upload.image=0"]) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let (entry, dead) = (tree.names.entry(.image), tree.names.dead(.image))
            let order = CrashOrder(
                process: "stage-download",
                point: .stageWorked,
                crossing: 1,
                number: 1,
                effect: .hold
            )
            try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
            try await Self.send(Self.job("one", media: "first", tree), tree, to: entry)
            try await eventually("it is worked on") { access(tree.directory + "/crash.held", F_OK) == 0 }
            // First while the job is worked on, then while it waits for the next stage. The second message cannot be
            // read as a job at all.
            let bodies = [Self.job("one", media: "second", tree), #"{"id":"one","mediaType":"IMAGE"}"#]
            let codes: [AMQPValue] = ["used_id", "missing_field"]
            for phase in 1...2 {
                for (body, code) in zip(bodies, codes) {
                    try await Self.send(body, tree, to: entry)
                    try await eventually("it is a dead letter") {
                        try await tree.client.messageCount(queue: dead) == 1
                    }
                    let letter = try #require(try await tree.drain(dead).first)
                    #expect(letter.body == Array(body.utf8) && letter.headers["x-reason-code"] == code)
                }
                guard phase == 1 else { continue }
                try FileManager.default.removeItem(atPath: tree.directory + "/crash")
                try await eventually("it waits for its upload") {
                    try await tree.client.messageCount(queue: tree.names.work(.image, .upload)) == 1
                }
            }
            try await tree.order("POST", "/pools/upload.image/scale", ["workers": 1])
            let updates = try await tree.updates(.image, untilTheEndOf: ["one"])
            #expect(updates.allSatisfy { $0["refused"] == nil && $0["media_id"] == "first" })
            #expect(updates.last?["status"] == "completed")
            #expect(try await Self.settle(tree, "later").isEmpty)
            #expect(
                try FileManager.default.subpathsOfDirectory(atPath: tree.store).allSatisfy { !$0.contains("second") }
            )
        }
    }
}
