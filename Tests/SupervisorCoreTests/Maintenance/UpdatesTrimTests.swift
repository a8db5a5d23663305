import AMQP
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("An updates queue that fills up")
struct UpdatesTrimTests {
    private struct Killed: Error {}

    private static let limit = 50

    /// 60 updates of 20 jobs: two of progress and a terminal one for each, one job after the other; then a message that
    /// is no update.
    private func withQueue(_ body: (AMQPClient, String) async throws -> Void) async throws {
        try await withTestQueue("updates") { queue in
            try await withTestClient { client in
                for job in 0..<20 {
                    for (step, status) in ["processing", "processing", job % 2 == 0 ? "completed" : "failed"]
                        .enumerated()
                    {
                        let update: JSONValue = [
                            "job_id": .string("\(job)"), "status": .string(status), "progress": .integer(Int64(step)),
                        ]
                        try await client.publish(AMQPMessage(body: update.serialized()), to: queue)
                    }
                }
                try await client.publish(AMQPMessage(body: Array("no update".utf8)), to: queue)
                try await body(client, queue)
            }
        }
    }

    /// The messages that wait, in order: job and status of each update, or the text of a message that is none.
    private func content(_ queue: String, _ client: AMQPClient) async throws -> [String] {
        let browser = QueueBrowser(endpoints: AMQPEndpoints(try await TestBroker.endpoint()))
        let found = Mutex<[String]>([])
        try await eventually("all messages are back in the queue") {
            let count = try await client.messageCount(queue: queue) ?? 0
            found.withLock { $0 = [] }
            let sight = try await browser.browse(queue) { delivery, _ in
                let update = try? JSONValue(parsing: delivery.body).objectValue
                let text = update.map { "\($0["job_id"]?.stringValue ?? "") \($0["status"]?.stringValue ?? "")" }
                found.withLock { $0.append(text ?? String(decoding: delivery.body, as: UTF8.self)) }
                return .next
            }
            return sight.seen == count && count > 0
        }
        return found.withLock { $0 }
    }

    private func isEnd(_ text: String) -> Bool { !text.hasSuffix("processing") }

    @Test("is trimmed in a time that goes with the length of what is no update of ours", .timeLimit(.minutes(1)))
    func marks() async throws {
        let marks = String(repeating: "\u{301}", count: 120_000) + String(repeating: "\u{316}", count: 120_000)
        try await withTestQueue("updates") { queue in
            try await withTestClient { client in
                let update: JSONValue = ["job_id": "job", "status": .string(marks)]
                for _ in 0..<2 { try await client.publish(AMQPMessage(body: update.serialized()), to: queue) }
                _ = try await UpdatesTrim(endpoints: AMQPEndpoints(try await TestBroker.endpoint()), limit: 1).run(
                    queue
                )
                try await eventually("both are back in the queue") { try await client.messageCount(queue: queue) == 2 }
            }
        }
    }

    @Test("loses its oldest progress updates and nothing else, and keeps its order")
    func trim() async throws {
        try await withQueue { client, queue in
            let before = try await content(queue, client)
            let trim = UpdatesTrim(endpoints: AMQPEndpoints(try await TestBroker.endpoint()), limit: Self.limit)
            let result = try await trim.run(queue)
            // 61 messages; 25 are to stay.
            #expect(result.waiting == 61)
            #expect(result.dropped == 36)
            let after = try await content(queue, client)
            #expect(after.count == 25)
            #expect(after.filter(isEnd) == before.filter(isEnd))
            // The newest progress is still there.
            #expect(Array(after.suffix(7)) == Array(before.suffix(7)))
        }
    }

    @Test("loses no terminal update and no order, whenever the one who trims dies")
    func death() async throws {
        try await withQueue { client, queue in
            let before = try await content(queue, client)
            for seen in [1, 2, 5, 20] {
                let trim = UpdatesTrim(endpoints: AMQPEndpoints(try await TestBroker.endpoint()), limit: Self.limit)
                let count = Mutex(0)
                await #expect(throws: Killed.self) {
                    try await trim.run(queue) { _ in
                        let number = count.withLock { count in
                            count += 1
                            return count
                        }
                        if number == seen { throw Killed() }
                    }
                }
                let after = try await content(queue, client)
                #expect(after.filter(isEnd) == before.filter(isEnd))
            }
        }
    }

    @Test("is left alone below its limit, without a limit, and when only terminal updates are left to drop")
    func nothingToDo() async throws {
        try await withQueue { client, queue in
            let endpoints = AMQPEndpoints(try await TestBroker.endpoint())
            for limit in [100, 0] {
                let result = try await UpdatesTrim(endpoints: endpoints, limit: limit).run(queue)
                #expect(result.dropped == 0)
            }
            let result = try await UpdatesTrim(endpoints: endpoints, limit: 10).run(queue)
            #expect(result.dropped == 40 && result.kept == 21)
            #expect(try await content(queue, client).allSatisfy(isEnd))
            let again = try await UpdatesTrim(endpoints: endpoints, limit: 10).run(queue)
            #expect(again.dropped == 0 && again.kept == 21)
        }
    }

    @Test("is trimmed as far as it can be seen over the terminal updates at its head")
    func manyEnds() async throws {
        try await withQueue { client, queue in
            let endpoints = AMQPEndpoints(try await TestBroker.endpoint())
            let trim = UpdatesTrim(endpoints: endpoints, limit: Self.limit, maximumKept: 4)
            let result = try await trim.run(queue)
            #expect(result.kept == 4 && result.dropped == 8)
            #expect(try await content(queue, client).count == 53)
        }
    }
}
