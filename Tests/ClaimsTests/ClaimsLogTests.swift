import AMQP
import Foundation
import JobModel
import JobStore
import Queues
import TempFiles
import TestSupport
import Testing

@testable import Claims

@Suite("The log of claims")
struct ClaimsLogTests {
    /// A host: a ledger of its own, and a reader.
    private final class Host: Sendable {
        let directory: String
        let tracker: TempFileTracker
        let log: ClaimsLog

        init(
            _ node: String,
            _ layout: QueueLayout,
            _ client: AMQPClient,
            in directory: String? = nil,
            endpoint: AMQPEndpoint? = nil
        ) async throws {
            self.directory = directory ?? "/tmp/claims-test-\(UUID().uuidString.lowercased())"
            try FileManager.default.createDirectory(
                atPath: self.directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
            var own = layout
            own.names.node = node
            let shared = try await TestBroker.endpoint()
            tracker = try TempFileTracker.open(temporaryDirectory: self.directory, logger: TestBroker.logger)
            log = try #require(
                ClaimsLog(
                    .image,
                    layout: own,
                    client: client,
                    endpoints: AMQPEndpoints(endpoint ?? shared),
                    tracker: tracker,
                    logger: TestBroker.logger
                )
            )
            try await log.prepare()
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        func follow(_ body: () async throws -> Void) async throws {
            let reading = Task { await log.follow() }
            defer { reading.cancel() }
            try await body()
        }
    }

    private func withLayout(_ body: (QueueLayout, AMQPClient) async throws -> Void) async throws {
        let layout = QueueLayout(names: QueueNames(prefix: TestBroker.uniqueName("claims") + "."))
        try await withTestClient { client in
            do {
                try await body(layout, client)
            } catch {
                _ = try? await client.delete(queue: layout.claims(.image).name)
                throw error
            }
            try await client.delete(queue: layout.claims(.image).name)
        }
    }

    private func ticket(_ number: Int, node: String? = nil) -> Ticket {
        var ticket = Ticket(id: "job-\(number)", mediaID: "media", kind: .image)
        ticket.node = node
        return ticket
    }

    private func expect(_ host: Host, _ ticket: Ticket, _ claimant: String) async throws {
        let found = try await host.log.claimant(of: ticket)
        #expect(found == claimant, "\(ticket.id)")
    }

    @Test("gives each job to one of the hosts that want it at the same time, and all agree which")
    func agreement() async throws {
        try await withLayout { layout, client in
            let first = try await Host("a", layout, client)
            let second = try await Host("b", layout, client)
            // Another worker of the first host, with the same ledger.
            let third = try await Host("a", layout, client, in: first.directory)
            try await first.follow {
                try await second.follow {
                    try await third.follow {
                        let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                            for number in 1...100 {
                                for host in [first, second, third].shuffled() {
                                    group.addTask { (number, try await host.log.claimant(of: ticket(number))) }
                                }
                            }
                            return try await group.reduce(into: [Int: [String]]()) { answers, answer in
                                answers[answer.0, default: []].append(answer.1)
                            }
                        }
                        #expect(answers.count == 100)
                        #expect(answers.values.allSatisfy { $0.count == 3 && Set($0).count == 1 })
                        // The quicker host gets more jobs, and one host may get all.
                        #expect(Set(answers.values.joined()).isSubset(of: ["a", "b"]))
                    }
                }
            }
            // A known claim costs no further record, and needs no reader.
            _ = try await first.log.claimant(of: ticket(1))
        }
    }

    @Test("is read on from where the host was after a restart")
    func restart() async throws {
        try await withLayout { layout, client in
            let first = try await Host("a", layout, client)
            let second = try await Host("b", layout, client)
            try await first.follow {
                for number in 1...5 { try await expect(first, ticket(number), "a") }
            }
            let again = try await Host("a", layout, client, in: first.directory)
            try await second.follow {
                // The whole log comes before its own record.
                try await expect(second, ticket(6), "b")
                try await expect(second, ticket(3), "a")
            }
            try await again.follow {
                try await expect(again, ticket(6), "b")
                // A producer's claim about a host means nothing.
                try await expect(again, ticket(6, node: "b"), "b")
                // Somebody has moved a message of the host `b` to the shared queue.
                var moved = ticket(6, node: "b")
                moved.transfer = "token"
                try await expect(again, moved, "a")
            }
        }
    }

    @Test("that was deleted and made anew is read from its beginning", .timeLimit(.minutes(3)))
    func another() async throws {
        try await withLayout { layout, client in
            let host = try await Host("a", layout, client)
            try await host.follow {
                for number in 1...5 { _ = try await host.log.claimant(of: ticket(number)) }
            }
            try await client.delete(queue: layout.claims(.image).name)
            let other = try await Host("b", layout, client)
            try await other.follow { try await expect(other, ticket(7), "b") }
            let again = try await Host("a", layout, client, in: host.directory)
            try await again.follow {
                // Its own record tells, which is the second there.
                try await expect(again, ticket(7), "b")
                try await expect(again, ticket(8), "a")
            }
        }
    }

    @Test("that was replaced by a longer one is told by its records", .timeLimit(.minutes(3)))
    func longer() async throws {
        try await withLayout { layout, client in
            let host = try await Host("a", layout, client)
            try await host.follow { try await expect(host, ticket(1), "a") }
            try await client.delete(queue: layout.claims(.image).name)
            let other = try await Host("b", layout, client)
            try await other.follow {
                for number in 2...9 { try await expect(other, ticket(number), "b") }
            }
            let again = try await Host("a", layout, client, in: host.directory)
            try await again.follow {
                try await expect(again, ticket(2), "b")
                try await expect(again, ticket(1), "a")
                try await expect(again, ticket(10), "a")
            }
        }
    }

    @Test("that was deleted in use is made anew", .timeLimit(.minutes(3)))
    func deleted() async throws {
        try await withLayout { layout, client in
            let host = try await Host("a", layout, client)
            try await host.follow {
                for number in 1...5 { try await expect(host, ticket(number), "a") }
                try await client.delete(queue: layout.claims(.image).name)
                await #expect(throws: (any Error).self) { _ = try await host.log.claimant(of: ticket(6)) }
                try await eventually("there is a log again") { (try? await host.log.claimant(of: ticket(6))) == "a" }
                try await expect(host, ticket(7), "a")
                try await expect(host, ticket(1), "a")
            }
        }
    }

    @Test("need not bring a worker its own record, once another of its host has read that", .timeLimit(.minutes(1)))
    func readByAnother() async throws {
        try await withLayout { layout, client in
            let reader = try await Host("a", layout, client)
            let writer = try await Host("a", layout, client, in: reader.directory)
            try await reader.follow { try await expect(writer, ticket(1), "a") }
        }
    }

    @Test("is read on from an absurd place by reading it again", .timeLimit(.minutes(3)))
    func absurdPlace() async throws {
        try await withLayout { layout, client in
            let host = try await Host("a", layout, client)
            let name = layout.claims(.image).name
            _ = try await host.tracker.jobs.noteClaims([], of: name, after: -1, through: .max, node: "a")
            try await host.follow {
                try await expect(host, ticket(1), "a")
                try await expect(host, ticket(2), "a")
            }
            #expect(try await host.tracker.jobs.claimsPlace(of: name)?.position ?? .max < 10)
        }
    }

    @Test("passes wishes on, and over what is no record")
    func wishes() async throws {
        try await withLayout { layout, client in
            let host = try await Host("a", layout, client)
            let name = layout.claims(.image).name
            for message in [
                AMQPMessage(body: []), AMQPMessage(body: [0xff, 0xfe], type: "cancel"),
                AMQPMessage(body: [65], type: "claim", headers: ["redrives": 0, "hop": 0, "node": "x/y"]),
                AMQPMessage(body: Array("job-1".utf8), type: "claim", headers: ["redrives": "0"]),
                AMQPMessage(body: [UInt8](repeating: 65, count: 600), type: "cancel"),
                AMQPMessage(body: [UInt8](repeating: 65, count: 1 << 20), type: "cancel"),
                AMQPMessage(body: [65], type: "claim", headers: ["x-stream-offset": .int(.max)]),
            ] { try await client.publish(message, to: name) }
            try await host.log.wishCancelled(ticket(1).key)
            let (wishes, continuation) = AsyncStream<JobKey>.makeStream()
            let reading = Task { await host.log.follow { continuation.yield($0) } }
            defer { reading.cancel() }
            #expect(await wishes.first { _ in true } == ticket(1).key)
            try await expect(host, ticket(1), "a")
            let start = try await host.tracker.jobs.begin(
                ticket(1).key,
                StageMessage(
                    stage: .download,
                    hop: 0,
                    mediaID: "media",
                    manifest: nil
                )
            )
            #expect(start == .proceed(starts: 1, progress: 0, isCancelRequested: true))
        }
    }

    @Test("cannot be on a broker whose streams are switched off: that is said, and costs no connection but its own")
    func noStreams() async throws {
        let flags = "{rabbit, [{forced_feature_flags_on_init, [quorum_queue, implicit_default_bindings]}]}"
        try await TestNode.with(.init(advanced: [flags])) { node in
            try await withTestClient(to: node.endpoint) { client in
                let layout = QueueLayout(names: QueueNames())
                await #expect(throws: AMQPError.self) {
                    _ = try await Host("a", layout, client, endpoint: node.endpoint)
                }
                try await client.declare(AMQPQueue("queue"))
                #expect(client.state == .connected)
            }
        }
    }

    @Test("is no queue of another type: nothing is claimed then")
    func otherType() async throws {
        try await withLayout { layout, client in
            try await client.declare(AMQPQueue(layout.claims(.image).name))
            await #expect(throws: AMQPError.self) { _ = try await Host("a", layout, client) }
        }
    }
}
