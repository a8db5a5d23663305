import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("An orderly stop", .serialized)
struct ShutdownCleanupTests {
    /// Downloads go on, and their jobs wait for a stage that has no worker.
    private static let withoutProcessing = ["WORKERS": "process.image=0,process.video=0"]

    @Test("keeps the files of jobs that go on from there, and only those")
    func resume() async throws {
        try await TestTree.with(starting: false) { tree in
            let ids = try await fill(tree, count: 4, settings: Self.withoutProcessing)
            for id in ids { #expect(tree.leftovers().contains { $0.contains(id) && $0.contains("source") }) }
            #expect(try await tree.client.messageCount(queue: tree.names.work(.image, .process)) == ids.count)
            try await finish(tree, ids)
            // Nothing was fetched twice.
            #expect(tree.log.split(separator: "\n").count { $0.contains(": download starts") } == ids.count)
        }
    }

    @Test("with SHUTDOWN_CLEANUP=all gives waiting jobs back to download and empties the workspace")
    func all() async throws {
        try await TestTree.with(["SHUTDOWN_CLEANUP": "all"], starting: false) { tree in
            let work = tree.names.work(.image, .process)
            let download = tree.names.work(.image, .download)
            let unreadable = Array("not JSON".utf8)
            var other = Ticket(id: "elsewhere", mediaID: "media-elsewhere", kind: .image)
            other.node = "another-host.example"
            other.hop = 1
            let ids = try await fill(tree, count: 4, settings: Self.withoutProcessing) {
                // One job waits for a retry; a message nobody can read and one of another host are among the rest.
                let deliveries = try await tree.drain(work)
                let (first, rest) = (try #require(deliveries.first), deliveries.dropFirst())
                let delay = QueueNames.retryDelaysMilliseconds.last ?? 0
                let retry = AMQPQueue(
                    tree.names.retry(.image, .process, delayMilliseconds: delay),
                    arguments: [
                        "x-message-ttl": .int(Int64(delay)), "x-dead-letter-exchange": "",
                        "x-dead-letter-routing-key": .string(work),
                    ]
                )
                try await tree.client.declare(retry)
                try await tree.client.publish(AMQPMessage(body: first.body), to: retry.name)
                try await tree.client.publish(AMQPMessage(body: unreadable), to: work)
                for delivery in rest { try await tree.client.publish(AMQPMessage(body: delivery.body), to: work) }
                try await tree.client.publish(AMQPMessage(body: other.json.serialized()), to: work)
            }
            #expect(tree.leftovers() == [])
            #expect(try await tree.client.messageCount(queue: download) == ids.count)
            let kept = try await tree.drain(work).map(\.body)
            #expect(kept.count == 2 && kept.contains(unreadable) && kept.contains(other.json.serialized()))
            for delivery in try await tree.drain(download) {
                let ticket = try Ticket(parsing: delivery.body, expecting: .image)
                #expect(ids.contains(ticket.id.string) && ticket.phase == .downloading && ticket.localMediaPath == nil)
                #expect(ticket.downloads == 0 && ticket.attempt == 0 && ticket.outputs.isEmpty)
                try await tree.client.publish(AMQPMessage(body: delivery.body), to: download)
            }
            try await finish(tree, ids)
        }
    }

    @Test("with SHUTDOWN_CLEANUP=all is not delayed by jobs whose messages are nowhere; their files stay")
    func lost() async throws {
        try await TestTree.with(["SHUTDOWN_CLEANUP": "all"], starting: false) { tree in
            var bodies: [[UInt8]] = []
            let ids = try await fill(tree, count: 2, settings: Self.withoutProcessing) {
                bodies = try await tree.drain(tree.names.work(.image, .process)).map(\.body)
            }
            for id in ids { #expect(tree.leftovers().contains { $0.contains(id) }) }
            #expect(tree.log.contains("some jobs keep their temp files"))
            for body in bodies {
                try await tree.client.publish(AMQPMessage(body: body), to: tree.names.work(.image, .process))
            }
            try await finish(tree, ids)
        }
    }

    /// Runs a tree until `count` downloaded images wait for processing, and stops it.
    private func fill(
        _ tree: TestTree,
        count: Int,
        settings: [String: String],
        _ atTheEnd: () async throws -> Void = {}
    ) async throws -> Set<String> {
        try await Samples.photo(tree.directory + "/sources/picture.jpg")
        let ids = Set((1...count).map { "waiting-\($0)" })
        try await tree.running(settings) {
            for id in ids { try await tree.submit(.image, id: id, source: "picture.jpg") }
            try await eventually("all wait for processing") {
                try await tree.client.messageCount(queue: tree.names.work(.image, .process)) == ids.count
            }
            try await atTheEnd()
        }
        return ids
    }

    /// A tree with all its workers ends every job once.
    private func finish(_ tree: TestTree, _ ids: Set<String>) async throws {
        try await tree.running {
            let updates = try await tree.updates(.image, untilTheEndOf: ids)
            let ends = updates.filter { $0["status"] != "processing" }
            #expect(ends.count == ids.count && ends.allSatisfy { $0["status"] == "completed" })
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
        }
        #expect(try await tree.client.messageCount(queue: tree.names.updates(.image)) == 0)
    }
}
