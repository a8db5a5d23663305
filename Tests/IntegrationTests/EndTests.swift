import AMQP
import CrashPoints
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// The end of a job is told once; the test plays the part of a broker that dies.
@Suite("The end of a job", .serialized)
struct EndTests {
    /// Takes a job to its clean-up stage, which has no worker, and returns the message that waits there.
    private static func cleanupMessage(_ tree: TestTree, id: String) async throws -> AMQPMessage {
        try await tree.submit(.image, id: id, source: "photo.jpg")
        let queue = tree.names.work(.image, .cleanup)
        try await eventually("the job waits for its clean-up") {
            try await tree.client.messageCount(queue: queue) == 1
        }
        let delivery = try #require(try await tree.drain(queue).first)
        return AMQPMessage(body: delivery.body, messageID: delivery.messageID)
    }

    private static func publish(_ message: AMQPMessage, _ tree: TestTree) async throws {
        try await tree.client.publish(message, to: tree.names.work(.image, .cleanup))
    }

    /// The terminal updates that wait.
    private static func ends(_ tree: TestTree) async throws -> [[UInt8]] {
        try await tree.drain(tree.names.updates(.image)).map(\.body).filter {
            try JSONValue(parsing: $0).objectValue?["status"] != "processing"
        }
    }

    private static func with(_ body: (TestTree, AMQPMessage) async throws -> Void) async throws {
        try await TestTree.with(["WORKERS": "cleanup.image=0"], starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            var message: AMQPMessage?
            try await tree.running { message = try await Self.cleanupMessage(tree, id: "job") }
            try await body(tree, try #require(message))
        }
    }

    @Test("is not told again when the broker forgets the acknowledgement, though its transaction was committed")
    func forgottenAcknowledgement() async throws {
        try await Self.with { tree, message in
            try await tree.running(["WORKERS": ""]) {
                try await Self.publish(message, tree)
                try await eventually("the job ended") { tree.log.contains("the job ended") }
                try await Self.publish(message, tree)
                try await eventually("the redelivery is dropped") {
                    tree.log.contains("a duplicate of a finished job was dropped")
                }
            }
            #expect(try await Self.ends(tree).count == 1)
        }
    }

    @Test("is told again to the byte when nobody knows whether the broker has it")
    func unansweredCommit() async throws {
        try await Self.with { tree, message in
            let order = CrashOrder(process: "stage-cleanup", point: .endCommitted, crossing: 1, number: 1)
            try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
            try await tree.running(["WORKERS": ""]) {
                try await Self.publish(message, tree)
                try await eventually("the worker died after the commit") {
                    access(tree.directory + "/crash", F_OK) != 0
                }
                try await Self.publish(message, tree)
                try await eventually("the job ended") { tree.log.contains("the job ended") }
            }
            let ends = try await Self.ends(tree)
            #expect(ends.count == 2)
            #expect(ends.first == ends.last)
        }
    }

    @Test("is told by another message when the one that ended the job is lost with the broker")
    func lostMessage() async throws {
        try await Self.with { tree, message in
            let order = CrashOrder(process: "stage-cleanup", point: .endRecorded, crossing: 1, number: 1, effect: .hold)
            try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
            let held = try tree.start(["WORKERS": ""])
            try await tree.waitUntilHealthy()
            try await Self.publish(message, tree)
            try await eventually("the end is in the ledger") { access(tree.directory + "/crash.held", F_OK) == 0 }
            let workers = tree.workers()
            held.send(SIGKILL)
            _ = await held.wait()
            // The one that is held cannot drain.
            for worker in workers { kill(worker.processID, SIGKILL) }
            let queue = tree.names.work(.image, .cleanup)
            try await eventually("the message is back in its queue") {
                try await tree.client.messageCount(queue: queue) == 1
            }
            try await tree.client.purge(queue: queue)
            try FileManager.default.removeItem(atPath: tree.directory + "/crash")
            #expect(try await Self.ends(tree).isEmpty)
            try await tree.running(["WORKERS": ""]) {
                // The second message of an upload worker that has heard no confirm for the first one.
                var ticket = try #require(try JSONValue(parsing: message.body).objectValue)
                ticket["transfer"] = "another"
                try await Self.publish(AMQPMessage(body: JSONValue.object(ticket).serialized()), tree)
                try await eventually("the message that ended the job is waited for") {
                    tree.log.contains("another message ended the job and has not announced it")
                }
                try await eventually("the job ended", within: .seconds(180)) { tree.log.contains("the job ended") }
            }
            #expect(try await Self.ends(tree).count == 1)
            #expect(tree.leftovers().isEmpty)
        }
    }
}
