import AMQP
import Foundation
import JobModel
import Queues
import Settings
import Synchronization
import TestSupport
import Testing

/// Three nodes on one machine, and two hosts, each connected to one of them.
@Suite("A cluster", .serialized)
struct ClusterTests {
    /// The terminal updates by job, as they come.
    private final class Ends: Sendable {
        private let bodies = Mutex<[String: [[UInt8]]]>([:])

        var count: Int { bodies.withLock { $0.count } }

        func of(_ id: String) -> [[UInt8]] { bodies.withLock { $0[id] ?? [] } }

        /// Reads until the consumer is stopped.
        func read(_ consumer: AMQPConsumer) async throws {
            for await delivery in consumer {
                let update = try JSONValue(parsing: delivery.body).objectValue ?? [:]
                if update["status"] != "processing", let id = update["job_id"]?.stringValue {
                    // A message that was read and not acknowledged when a node died is delivered again, without another
                    // publish.
                    bodies.withLock { bodies in
                        if !delivery.isRedelivered || bodies[id] == nil {
                            bodies[id, default: []].append(delivery.body)
                        }
                    }
                }
                _ = try? await delivery.acknowledge()
            }
        }
    }

    private static let patience = Duration.seconds(240)

    @Test("loses nothing when a node is killed, comes back, and another is killed: every job ends once")
    func deaths() async throws {
        try await TestNode.cluster(3) { nodes in
            var settings = [
                "QUEUE_TYPE": "quorum", "QUEUE_PREFIX": "it.\(UUID().uuidString.prefix(8).lowercased()).",
                "NODE_ID": "a",
                "WORKERS": Stage.allCases.map { "\($0.rawValue).video=0" }.joined(separator: ","),
            ]
            try await TestTree.with(settings, broker: nodes[0].url, starting: false) { first in
                try await Samples.photo(first.sources + "/photo.jpg", size: "320x240")
                settings["NODE_ID"] = "b"
                settings["STORAGE_URL"] = first.environment["STORAGE_URL"]
                settings["FILE_SOURCE_ROOTS"] = first.environment["FILE_SOURCE_ROOTS"]
                try await TestTree.with(settings, broker: nodes[1].url, starting: false) { second in
                    try await run(nodes, first, second)
                }
            }
        }
    }

    @Test("takes messages for a queue whose leader has died from a connection that had not published there before")
    func leaderlessQueue() async throws {
        try await TestNode.cluster(3) { nodes in
            // Led by the node where they are declared.
            let queues = (1...10).map { AMQPQueue("led-elsewhere-\($0)", arguments: ["x-queue-type": "quorum"]) }
            try await withTestClient(to: nodes[1].endpoint) { client in
                for queue in queues { try await client.declare(queue) }
            }
            try await withTestClient(to: nodes[0].endpoint) { client in
                try await client.waitUntilConnected()
                nodes[1].kill()
                for queue in queues {
                    try await eventually("\(queue.name) takes a message") {
                        do throws(AMQPError) {
                            try await client.publish(AMQPMessage(body: [1]), to: queue.name)
                            return true
                        } catch {
                            guard error.isRetriable else { throw error }
                            return false
                        }
                    }
                    try await eventually("\(queue.name) has the message") {
                        try await client.messageCount(queue: queue.name) ?? 0 >= 1
                    }
                }
            }
        }
    }

    private func run(_ nodes: [TestNode], _ first: TestTree, _ second: TestTree) async throws {
        let ends = Ends()
        // The node of the test's own client is the one that lives.
        try await withTestClient(to: nodes[2].endpoint) { client in
            let layout = QueueLayout(names: first.names, type: .quorum)
            try await client.declare(layout.updates(.image))
            let consumer = try client.consume(layout.updates(.image), prefetch: 20)
            let reading = Task { try await ends.read(consumer) }
            try await first.running {
                try await second.running {
                    try await kill(nodes, first, second, ends, client)
                }
            }
            await consumer.stop()
            try await reading.value
        }
        try check(first, second, ends)
    }

    private func kill(
        _ nodes: [TestNode],
        _ first: TestTree,
        _ second: TestTree,
        _ ends: Ends,
        _ client: AMQPClient
    ) async throws {
        try await submit(1...16, first, client)
        try await eventually("some jobs ended", within: Self.patience) { ends.count >= 3 }
        // The host that was connected to it has declared its queues there, so it leads them.
        nodes[0].kill()
        try await submit(17...32, first, client)
        let before = ends.count
        try await eventually("the other host goes on", within: Self.patience) { ends.count >= before + 4 }
        try await nodes[0].start()
        try await eventually("the host of the dead node is back", within: Self.patience) {
            try await first.get("/health")?.status == 200
        }
        try await submit(33...40, first, client)
        nodes[1].kill()
        // The other host may have claimed any number of jobs before its broker died; they wait in that host's own
        // queues.
        try await eventually("the first host goes on", within: Self.patience) {
            try await ends.count + waiting(second, client) >= 40
        }
        try await nodes[1].start()
        try await eventually("all jobs ended", within: Self.patience) { ends.count == 40 }
        try await eventually("both hosts are well", within: Self.patience) {
            guard try await first.get("/health")?.status == 200 else { return false }
            return try await second.get("/health")?.status == 200
        }
        try await eventually("nothing is left in a queue", within: Self.patience) {
            for names in [first.names, second.names] {
                for queue in Stage.allCases.flatMap({ names.sources(.image, $0) })
                where try await client.messageCount(queue: queue) != 0 { return false }
            }
            return true
        }
    }

    private func submit(_ numbers: ClosedRange<Int>, _ tree: TestTree, _ client: AMQPClient) async throws {
        for number in numbers {
            var ticket = Ticket(id: "job-\(number)", mediaID: "media-\(number)", kind: .image)
            ticket.source = "file://\(tree.sources)/photo.jpg"
            // An election is under way: an unconfirmed message is published again.
            while true {
                do throws(AMQPError) {
                    try await client.publish(AMQPMessage(body: ticket.json.serialized()), to: tree.names.entry(.image))
                    break
                } catch {
                    guard error.isRetriable else { throw error }
                }
            }
        }
    }

    /// Messages in a host's own queues.
    private func waiting(_ tree: TestTree, _ client: AMQPClient) async throws -> Int {
        var count = 0
        for stage in Stage.allCases {
            count += try await client.messageCount(queue: tree.names.work(.image, stage)) ?? 0
        }
        return count
    }

    /// Jobs that a tree has begun to download.
    private func jobs(_ tree: TestTree) -> Set<String> {
        let lines = tree.log.split(separator: "\n").filter { $0.contains(": download starts") }
        return Set(lines.compactMap { $0.firstMatch(of: /job\.id=(\S+)/).map { String($0.output.1) } })
    }

    private func check(_ first: TestTree, _ second: TestTree, _ ends: Ends) throws {
        #expect(jobs(first).isDisjoint(with: jobs(second)), "claimed twice")
        var repeats = 0
        for number in 1...40 {
            let id = "job-\(number)"
            let bodies = ends.of(id)
            #expect(Set(bodies).count == 1, "\(id) ended in two ways")
            repeats += bodies.count - Set(bodies).count
            for body in bodies {
                #expect(try JSONValue(parsing: body).objectValue?["status"] == "completed", "\(id)")
            }
            let image = first.store + "/images/media-\(number)_180p.jpg"
            #expect(FileManager.default.fileExists(atPath: image), "\(id)")
        }
        #expect(first.leftovers().isEmpty && second.leftovers().isEmpty)
        print("cluster: 40 jobs, \(repeats) ends told again to the byte")
    }
}
