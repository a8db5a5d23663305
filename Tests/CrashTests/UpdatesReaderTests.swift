import AMQP
import Foundation
import JobModel
import TestSupport
import Testing

/// The reader that judges others must know a broken promise when it sees one.
@Suite("The reader of the updates")
struct UpdatesReaderTests {
    private static func update(_ job: String, _ status: String, _ progress: Int64, _ time: String = "1") -> JSONValue {
        [
            "job_id": .string(job), "status": .string(status), "progress": .integer(progress), "current_step": "step",
            "timestamp": .string(time),
        ]
    }

    private static let stream: [JSONValue] = [
        update("good", "processing", 10), update("good", "processing", 10, "2"), update("good", "completed", 100),
        update("back", "processing", 10), update("back", "processing", 9), update("back", "failed", 10),
        update("late", "completed", 100), update("late", "processing", 100),
        update("twice", "completed", 100), update("twice", "failed", 100),
        update("again", "completed", 100), update("again", "completed", 100),
        update("endless", "processing", 1), update("endless", "processing", 1),
        ["job_id": "no update"], refusal("good"), refusal("unknown"),
    ]

    private static func refusal(_ job: String) -> JSONValue {
        var fields = update(job, "failed", 0).objectValue ?? [:]
        fields["refused"] = true
        return .object(fields)
    }

    @Test("finds progress that goes back, what comes after an end, and a second end; it lists repeats apart")
    func findings() async throws {
        let directory = "/tmp/updates-reader-test-\(UUID().uuidString.lowercased())"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await withTestQueue("updates") { queue in
            try await withTestClient { client in
                for update in Self.stream {
                    try await client.publish(AMQPMessage(body: update.serialized()), to: queue)
                }
                let reader = try UpdatesReader([queue], broker: try await TestBroker.url(), directory)
                try await eventually("the stream is read") { reader.ends.count == 5 }
                let summary = try await reader.stop()
                #expect(summary.messages == Self.stream.count)
                #expect(
                    summary.ends == [
                        "good": "completed", "back": "failed", "late": "completed", "twice": "completed",
                        "again": "completed",
                    ]
                )
                #expect(
                    summary.violations.map { $0.prefix { $0 != ":" } } == ["back", "late", "twice", "no update"]
                )
                #expect(summary.repeats == [.init(job: "again", sameConnection: true, redelivered: false)])
                #expect(summary.repeatedProgress == 1)
                #expect(summary.refusals == ["good", "unknown"])
                #expect(try await client.messageCount(queue: queue) == 0)
            }
        }
    }
}
