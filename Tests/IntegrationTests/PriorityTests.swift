import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("Priorities", .serialized)
struct PriorityTests {
    private struct Job {
        var id: String
        /// As the ticket says it.
        var priority: Int64?
        /// As the message's property says it.
        var property: UInt8?
    }

    private static let jobs = [
        Job(id: "none"), Job(id: "zero", priority: 0), Job(id: "low", priority: 2), Job(id: "high", priority: 9),
        Job(id: "by-property", property: 5), Job(id: "low-too", priority: 2),
        // A property above the queues' highest priority counts as the highest; a job with such a field is refused.
        Job(id: "above", property: 200),
    ]

    private static func submit(_ tree: TestTree) async throws {
        for job in jobs {
            var fields: [ByteText: JSONValue] = [
                "id": .string(job.id), "mediaId": .string(job.id), "userId": "u", "mediaType": "IMAGE",
                "source": .string("file://\(tree.sources)/photo.jpg"),
            ]
            fields["priority"] = job.priority.map { .integer($0) }
            // The broker goes by the property alone, so a producer that means it sets that too.
            let property = job.property ?? job.priority.map { UInt8(clamping: min($0, 9)) }
            let message = AMQPMessage(body: JSONValue.object(fields).serialized(), priority: property)
            try await tree.client.publish(message, to: tree.names.work(.image, .download))
        }
    }

    /// The jobs in the order in which a stage began them.
    private static func order(_ stage: Stage, _ tree: TestTree) -> [String] {
        tree.log.split(separator: "\n").filter { $0.contains(": \(stage.rawValue) starts ") }.compactMap { line in
            line.split(separator: " ").first { $0.hasPrefix("job.id=") }.map { String($0.dropFirst("job.id=".count)) }
        }
    }

    /// Has all jobs wait for a stage before it begins.
    private static func run(_ stage: Stage, _ tree: TestTree) async throws {
        try await tree.running(["WORKERS": "\(stage.rawValue).image=0"]) {
            try await submit(tree)
            try await eventually("all jobs wait for \(stage)") {
                try await tree.client.messageCount(queue: tree.names.work(.image, stage)) == jobs.count
            }
        }
        try await tree.running {
            _ = try await tree.updates(.image, untilTheEndOf: Set(jobs.map(\.id)))
        }
    }

    private static let byPriority = ["high", "above", "by-property", "low", "low-too", "none", "zero"]

    @Test("of jobs decide which is next at a stage", arguments: [Stage.download, .process])
    func order(stage: Stage) async throws {
        try await TestTree.with(["QUEUE_MAX_PRIORITY": "9"], starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await Self.run(stage, tree)
            #expect(Self.order(stage, tree) == Self.byPriority)
            #expect(!tree.log.contains("exists with other arguments and is used as it is"))
        }
    }

    @Test("have no effect on queues that exist without them, which are used as they are")
    func existing() async throws {
        try await TestTree.with(["QUEUE_MAX_PRIORITY": "9"], starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await tree.client.declare(AMQPQueue(tree.names.work(.image, .download)))
            try await Self.run(.download, tree)
            #expect(Self.order(.download, tree) == Self.jobs.map(\.id))
            #expect(tree.log.contains("exists with other arguments and is used as it is"))
        }
    }

    @Test("are off by default")
    func off() async throws {
        try await TestTree.with(starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await Self.run(.download, tree)
            #expect(Self.order(.download, tree) == Self.jobs.map(\.id))
        }
    }
}
