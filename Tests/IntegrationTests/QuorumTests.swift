import AMQP
import CrashPoints
import Foundation
import JobModel
import Queues
import Settings
import TestSupport
import Testing

@Suite("On quorum queues", .serialized)
struct QuorumTests {
    private static let settings = ["QUEUE_TYPE": "quorum"]

    private func layout(_ tree: TestTree) -> QueueLayout { QueueLayout(names: tree.names, type: .quorum) }

    /// Ends of jobs by id, in the order of arrival.
    private func expectOneEnd(_ updates: [[ByteText: JSONValue]], _ id: String, _ status: JSONValue = "completed") {
        let mine = updates.filter { $0["job_id"]?.stringValue == id }
        #expect(mine.count { $0["status"] != "processing" } == 1, "\(id)")
        #expect(mine.last?["status"] == status, "\(id)")
    }

    @Test("jobs of both kinds are done, cancelled and failed, each once, and leave nothing")
    func mainJob() async throws {
        try await TestTree.with(Self.settings) { tree in
            try await Samples.video(tree.sources + "/clip.mp4", size: "320x240")
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try Data("no picture".utf8).write(to: URL(filePath: tree.sources + "/bad.jpg"))
            try await tree.submit(.video, id: "clip", source: "clip.mp4")
            for index in 1...10 { try await tree.submit(.image, id: "photo-\(index)", source: "photo.jpg") }
            try await tree.submit(.image, id: "bad", source: "bad.jpg")
            expectOneEnd(try await tree.updates(.video, untilTheEndOf: ["clip"]), "clip")
            let photos = (1...10).map { "photo-\($0)" }
            let updates = try await tree.updates(.image, untilTheEndOf: Set(photos + ["bad"]))
            for id in photos { expectOneEnd(updates, id) }
            expectOneEnd(updates, "bad", "failed")
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            let letters = try await tree.drain(tree.names.dead(.image))
            #expect(letters.map { $0.messageID } == ["bad"])
            for kind in MediaKind.allCases {
                for queue in layout(tree).lasting(kind) {
                    #expect(try await tree.client.differences(of: queue).isEmpty, "\(queue.name)")
                    #expect(try await tree.client.messageCount(queue: queue.name) == 0, "\(queue.name)")
                }
            }
            #expect(!tree.log.contains("other arguments"))
        }
    }

    @Test(
        "a killed worker costs no job, no second terminal update and no byte",
        arguments: [
            ("stage-download", CrashPoint.startCounted), ("stage-process", .outputBegun),
            ("stage-process", .handOverConfirmed), ("stage-upload", .objectLinked), ("stage-cleanup", .entryRemoved),
            ("stage-cleanup", .endRecorded), ("stage-cleanup", .endNoted),
        ]
    )
    func kills(_ process: String, _ point: CrashPoint) async throws {
        try await TestTree.with(Self.settings) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let order = CrashOrder(process: process, point: point, crossing: 1, number: 1)
            try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
            let ids = (1...3).map { "job-\($0)" }
            for id in ids { try await tree.submit(.image, id: id, source: "photo.jpg") }
            let updates = try await tree.updates(.image, untilTheEndOf: Set(ids))
            for id in ids { expectOneEnd(updates, id) }
            #expect(access(tree.directory + "/crash", F_OK) != 0, "nobody died")
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            try await eventually("nothing is left in a queue") {
                for stage in Stage.allCases
                where try await tree.client.messageCount(queue: tree.names.work(.image, stage)) != 0 {
                    return false
                }
                return true
            }
            #expect(try await tree.client.messageCount(queue: tree.names.updates(.image)) == 0)
        }
    }

    @Test("an end that was told and not noted is told again to the byte")
    func repeatedEnd() async throws {
        try await TestTree.with(Self.settings) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let order = CrashOrder(process: "stage-cleanup", point: .endCommitted, crossing: 1, number: 1)
            try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
            try await tree.submit(.image, id: "job", source: "photo.jpg")
            try await eventually("the job ended") { tree.log.contains("the job ended") }
            let ends = try await tree.drain(tree.names.updates(.image)).map(\.body).filter {
                try JSONValue(parsing: $0).objectValue?["status"] != "processing"
            }
            #expect(ends.count == 2 && ends.first == ends.last)
        }
    }

    @Test("a message that is given up ends its job: cleaned up, told, and ready to be sent back")
    func deliveryLimit() async throws {
        let settings = ["QUEUE_DELIVERY_LIMIT": "4", "MAX_STARTS": "100", "WORKERS": "process.image=0"]
        try await TestTree.with(settings.merging(Self.settings) { $1 }) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await tree.submit(.image, id: "job", source: "photo.jpg")
            let queue = QueueLayout(names: tree.names, type: .quorum, deliveryLimit: 4).work(.image, .process)
            // Five readers that die with it, before anyone has counted a start.
            for _ in 0...4 {
                try await withTestClient { client in
                    _ = try #require(await client.consume(queue).first { _ in true })
                }
            }
            let updates = try await tree.updates(.image, untilTheEndOf: ["job"])
            expectOneEnd(updates, "job", "failed")
            #expect(updates.last?["error_message"]?.stringValue?.contains("x-delivery-limit") == true)
            #expect(updates.last?["current_step"] == "processing_failed")
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            let letters = try #require(try await tree.get("/dead")).body.objectValue?["letters"]?.arrayValue
            let letter = try #require(letters?.first?.objectValue)
            #expect(letters?.count == 1)
            #expect(letter["id"] == "job" && letter["reasonCode"] == "delivery_limit" && letter["stage"] == "process")
            let redriven = try await tree.order("POST", "/dead/redrive", ["reason": "delivery_limit"])
            #expect(redriven.body.objectValue?["jobs"] == ["image/job"])
            try await eventually("the job is back") {
                try await tree.client.messageCount(queue: queue.name) == 1
            }
            try await tree.order("POST", "/pools/process.image/scale", ["workers": 1])
            expectOneEnd(try await tree.updates(.image, untilTheEndOf: ["job"]), "job")
        }
    }

    @Test("jobs that wait are cancelled when their messages come, and the wishes cost those beside them nothing")
    func cancellation() async throws {
        try await TestTree.with(["WORKERS": "download.image=0"].merging(Self.settings) { $1 }) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let ids = (1...60).map { "job-\($0)" }
            for id in ids { try await tree.submit(.image, id: id, source: "photo.jpg") }
            // More than the delivery limit, which a look at the queue would count for all that wait there.
            let (unwanted, wanted) = (Array(ids.suffix(26)), Array(ids.prefix(34)))
            for id in unwanted {
                let answer = try await tree.order("DELETE", "/jobs/image/\(id)")
                #expect(answer.status == 202 && answer.body.objectValue?["known"] == .bool(false))
            }
            try await tree.order("DELETE", "/jobs/image/nobody")
            let first = try await tree.client.consume(AMQPQueue(tree.names.entry(.image)), declaring: false)
                .first { _ in true }
            #expect(first?.earlierDeliveries == 0 && first?.isRedelivered == false)
            try await first?.reject(requeue: true)
            try await tree.order("POST", "/pools/download.image/scale", ["workers": 1])
            let updates = try await tree.updates(.image, untilTheEndOf: Set(ids))
            for id in wanted { expectOneEnd(updates, id) }
            for id in unwanted { expectOneEnd(updates, id, "cancelled") }
            #expect(try await tree.client.messageCount(queue: tree.names.dead(.image)) == 0)
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
        }
    }

    @Test("dead letters can be looked at as often as one likes, whatever limit their queue has")
    func deadLetters() async throws {
        let settings = ["QUEUE_DELIVERY_LIMIT": "6"].merging(Self.settings) { $1 }
        try await TestTree.with(settings, starting: false) { tree in
            // As RabbitMQ 4 gives every quorum queue a limit.
            let queue = AMQPQueue(
                tree.names.dead(.image),
                arguments: ["x-queue-type": "quorum", "x-delivery-limit": 6]
            )
            try await tree.client.declare(queue)
            try await tree.running {
                let ids = (1...5).map { "job-\($0)" }
                for id in ids { try await tree.submit(.image, id: id, source: "missing.jpg") }
                _ = try await tree.updates(.image, untilTheEndOf: Set(ids))
                for _ in 1...20 {
                    // The messages that the last look held are back once the broker has closed its connection.
                    try await eventually("all letters wait again") {
                        try await tree.client.messageCount(queue: queue.name) == 5
                    }
                    let list = try #require(try await tree.get("/dead?limit=2")).body.objectValue
                    #expect(list?["total"] == .integer(5))
                    #expect(list?["letters"]?.arrayValue?.count == 2)
                }
                for _ in 1...8 {
                    let answer = try await tree.order("POST", "/dead/redrive", ["id": "nobody"])
                    #expect(answer.body.objectValue?["jobs"] == .array([]))
                }
                let letters = try #require(try await tree.get("/dead")).body.objectValue?["letters"]?.arrayValue
                #expect(Set(letters?.compactMap { $0.objectValue?["id"]?.stringValue } ?? []) == Set(ids))
            }
        }
    }

    @Test("queues that exist as classic ones are used as they are, with a warning that says what is missing")
    func existingQueues() async throws {
        try await TestTree.with(Self.settings, starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            // As an existing client declares them.
            try await tree.client.declare(AMQPQueue(tree.names.entry(.image)))
            try await tree.client.declare(AMQPQueue(tree.names.updates(.image)))
            try await tree.running { try await oneJob(tree) }
            try checkWarnings(tree)
        }
    }

    private func oneJob(_ tree: TestTree) async throws {
        try await tree.submit(.image, id: "job", source: "photo.jpg")
        expectOneEnd(try await tree.updates(.image, untilTheEndOf: ["job"]), "job")
        #expect(tree.leftovers().isEmpty)
    }

    private func checkWarnings(_ tree: TestTree) throws {
        let warnings = tree.log.split(separator: "\n").filter { $0.contains("used as it is; to change it") }
        for name in [tree.names.entry(.image), tree.names.updates(.image)] {
            let warning = try #require(warnings.first { $0.contains("queue.name=\(name)") }, "\(name)")
            #expect(warning.contains("x-queue-type"))
            #expect(warning.contains("one node keeps the queue"))
        }
        #expect(warnings.contains { $0.contains("x-delivery-limit") })
        #expect(!warnings.contains { $0.contains(tree.names.work(.image, .upload)) })
    }
}
