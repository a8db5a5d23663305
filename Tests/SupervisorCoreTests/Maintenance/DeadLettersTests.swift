import AMQP
import JobModel
import Queues
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("Dead letters")
struct DeadLettersTests {
    private static let unreadable = Array("{\"no\": \"job\"".utf8)

    /// Jobs `a`, `b`, `c` and an unreadable message lie in the dead-letter queue of images.
    private func withLetters(_ body: (DeadLetters, AMQPClient, QueueNames) async throws -> Void) async throws {
        let names = QueueNames(prefix: TestBroker.uniqueName("dead") + ".")
        let queues = [names.dead(.image), names.work(.image, .download)]
        try await withTestClient { client in
            for queue in queues { try await client.declare(AMQPQueue(queue)) }
            for (id, code) in [("a", "worker_died"), ("b", "not_found"), ("c", "worker_died")] {
                var ticket = Ticket(id: ByteText(id), mediaID: "media-\(id)", kind: .image)
                ticket.hop = 7
                ticket.attempt = 4
                ticket.downloads = 2
                ticket.outcome = .failed
                ticket.unknown = ["extra": "kept"]
                ticket.failure = JobFailure(stage: .process, code: code, message: "why", occurredAt: "then")
                try await client.publish(AMQPMessage(ticket), to: names.dead(.image))
            }
            try await client.publish(
                AMQPMessage(body: Self.unreadable, headers: ["x-reason-code": "not_json", "x-job-id": "d"]),
                to: names.dead(.image)
            )
            let letters = DeadLetters(
                endpoints: AMQPEndpoints(try await TestBroker.endpoint()),
                queues: QueueLayout(names: names),
                logger: TestBroker.logger
            )
            do {
                try await body(letters, client, names)
            } catch {
                for queue in queues { _ = try? await client.delete(queue: queue) }
                throw error
            }
            for queue in queues { try await client.delete(queue: queue) }
        }
    }

    private func ids(_ letters: DeadLetters) async throws -> [ByteText?] { try await letters.list().letters.map(\.id) }

    @Test("are listed in order and stay as they are")
    func list() async throws {
        try await withLetters { letters, client, names in
            for _ in 1...3 {
                let list = try await letters.list()
                #expect(list.total == 4)
                #expect(list.letters.map(\.id) == ["a", "b", "c", "d"])
                #expect(list.letters.map(\.isRedrivable) == [true, true, true, false])
                #expect(list.letters.map(\.reasonCode) == ["worker_died", "not_found", "worker_died", "not_json"])
            }
            let short = try await letters.list(kinds: [.image], limit: 2)
            #expect(short.letters.map(\.id) == ["a", "b"] && short.total == 4)
            #expect(try await client.messageCount(queue: names.dead(.image)) == 4)
        }
    }

    @Test(
        "go back to download by id, by reason or all, with attempts reset; what is unreadable stays",
        arguments: [
            (DeadLetters.Selection.id("b"), ["b"], ["a", "c", "d"], 0),
            (.reason("worker_died"), ["a", "c"], ["b", "d"], 0),
            (.all, ["a", "b", "c"], ["d"], 1),
            (.id("d"), [], ["a", "b", "c", "d"], 1),
            (.job(JobKey(kind: .image, id: "c")), ["c"], ["a", "b", "d"], 0),
            (.job(JobKey(kind: .video, id: "b")), [], ["a", "b", "c", "d"], 0),
            (.id("nobody"), [], ["a", "b", "c", "d"], 0),
        ]
    )
    func redrive(_ selection: DeadLetters.Selection, _ sent: [ByteText], _ left: [ByteText], _ unreadable: Int)
        async throws
    {
        try await withLetters { letters, client, names in
            let result = try await letters.redrive(selection)
            #expect(result.jobs == sent.map { "image/\($0)" } && result.unreadable == unreadable && result.unseen == 0)
            #expect(try await ids(letters) == left)
            let queue = names.work(.image, .download)
            #expect(try await client.messageCount(queue: queue) == sent.count)
            let deliveries = try client.consume(AMQPQueue(queue), prefetch: 10).makeAsyncIterator()
            for id in sent {
                let delivery = try #require(await deliveries.next())
                let ticket = try Ticket(parsing: delivery.body, expecting: .image)
                #expect(ticket.id == id && ticket.hop == 8 && ticket.redrives == 1)
                #expect(ticket.attempt == 0 && ticket.downloads == 0)
                #expect(ticket.outcome == nil && ticket.failure == nil)
                #expect(ticket.unknown == ["extra": "kept"])
                try await delivery.acknowledge()
            }
        }
    }

    @Test(
        "are deleted by id, by reason, because they are no jobs, or all; an id is that of a job only",
        arguments: [
            (DeadLetters.Selection.id("b"), DeadLetters.Discarded(jobs: ["image/b"]), ["a", "c", "d"]),
            (.job(JobKey(kind: .image, id: "c")), .init(jobs: ["image/c"]), ["a", "b", "d"]),
            (.id("d"), .init(kept: 1), ["a", "b", "c", "d"]), (.notJobs, .init(notJobs: 1), ["a", "b", "c"]),
            (.reason("not_json"), .init(notJobs: 1), ["a", "b", "c"]),
            (.reason("worker_died"), .init(jobs: ["image/a", "image/c"]), ["b", "d"]),
            (.all, .init(jobs: ["image/a", "image/b", "image/c"], notJobs: 1), []),
            (.job(JobKey(kind: .video, id: "b")), .init(), ["a", "b", "c", "d"]),
        ]
    )
    func discard(_ selection: DeadLetters.Selection, _ expected: DeadLetters.Discarded, _ left: [ByteText])
        async throws
    {
        try await withLetters { letters, client, names in
            let result = try await letters.discard(selection)
            #expect(result == expected)
            #expect(try await ids(letters) == left)
            #expect(try await client.messageCount(queue: names.work(.image, .download)) == 0)
        }
    }

    @Test("are deleted one by one: of a pass that is cut off those beyond stay, and are counted")
    func discardSome() async throws {
        try await withLetters { letters, _, _ in
            var letters = letters
            letters.browser.maximumMessages = 2
            let result = try await letters.discard(.all)
            #expect(result == DeadLetters.Discarded(jobs: ["image/a", "image/b"], unseen: 2))
            #expect(try await ids(letters) == ["c", "d"])
        }
    }

    @Test("that are no jobs show how they begin, on one line, in few bytes and without passwords")
    func beginning() async throws {
        try await withLetters { letters, _, _ in
            let found = try await letters.list().letters.map(\.beginning)
            #expect(found == [nil, nil, nil, #"{"no": "job""#])
        }
        func beginning(_ text: String) -> String { DeadLetter.beginning(of: Array(text.utf8)) }
        #expect(beginning("a\n\u{1B}[2J") == #"a\n\u{1B}[2J"#)
        #expect(beginning(#"{"source":"https:\/\/u:hidden@h\/x"}"#) == #"{"source":"https://u:***@h/x"}"#)
        #expect(beginning(String(repeating: "\u{301}", count: 9000)).utf8.count <= 160)
        #expect(beginning(String(repeating: "x", count: 160)).count == 160)
        #expect(beginning(String(repeating: "x", count: 161)).hasSuffix("x…"))
        #expect(DeadLetter.beginning(of: [0xFF, 0x00]) == "\u{FFFD}" + #"\u{0}"#)
    }

    @Test("keep the bytes of what is unreadable")
    func bytes() async throws {
        try await withLetters { letters, client, names in
            _ = try await letters.redrive(.all)
            let deliveries = try client.consume(AMQPQueue(names.dead(.image))).makeAsyncIterator()
            let delivery = try #require(await deliveries.next())
            #expect(delivery.body == Self.unreadable)
            #expect(delivery.headers["x-reason-code"] == .string("not_json"))
        }
    }

    @Test("are shown without what would move the cursor, whatever their headers hold")
    func shown() async throws {
        try await withLetters { letters, client, names in
            let odd = AMQPValue.string("\u{1B}[31m\u{9B}\u{202E}\r\n")
            var message = AMQPMessage(body: Self.unreadable)
            for name: AMQPText in ["x-reason-code", "x-reason", "x-job-id", "x-stage", "x-failed-at"] {
                message.headers[name] = odd
            }
            try await client.publish(message, to: names.dead(.image))
            let lines = DeadLetterText.lines(try await letters.list())
            #expect(lines.contains { $0.contains(#"\u{1B}[31m\u{9B}\u{202E}\r\n"#) })
            #expect(lines.allSatisfy { $0.unicodeScalars.allSatisfy(\.isShown) })
        }
    }

    @Test("of a job whose counters can count no further stay where they are: a new run could not be told from the last")
    func counted() async throws {
        try await withLetters { letters, client, names in
            let counters: [(hop: Int64, redrives: Int64)] = [(1, 1_000_000_000), (1_000_000_000, 1)]
            for (index, counters) in counters.enumerated() {
                var ticket = Ticket(id: ByteText("last-\(index)"), mediaID: "m", kind: .image)
                (ticket.hop, ticket.redrives) = (counters.hop, counters.redrives)
                ticket.failure = JobFailure(stage: .process, code: "worker_died", message: "why", occurredAt: "then")
                try await client.publish(AMQPMessage(ticket), to: names.dead(.image))
            }
            #expect(try await letters.list().letters.suffix(2).map(\.isRedrivable) == [false, false])
            let redriven = try await letters.redrive(.all)
            #expect(redriven.jobs.count == 3 && redriven.unreadable == 3)
            #expect(try await ids(letters) == ["d", "last-0", "last-1"])
        }
    }

    @Test("of a message with the id of another job stay where they are: sent back it would be a new run of that job")
    func usedID() async throws {
        try await withLetters { letters, client, names in
            var message = AMQPMessage(body: Ticket(id: "a", mediaID: "another", kind: .image).json.serialized())
            message.headers = ["x-reason-code": "used_id", "x-job-id": "a"]
            try await client.publish(message, to: names.dead(.image))
            let letter = try #require(try await letters.list().letters.last)
            #expect(letter.id == "a" && letter.reasonCode == "used_id" && !letter.isRedrivable)
            let redriven = try await letters.redrive(.id("a"))
            #expect(redriven.jobs == ["image/a"] && redriven.unreadable == 1)
            #expect(
                try await letters.list().letters.map(\.reasonCode) == [
                    "not_found", "worker_died", "not_json", "used_id",
                ]
            )
        }
    }
}
