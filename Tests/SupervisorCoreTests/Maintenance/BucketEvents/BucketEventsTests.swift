import AMQP
import Foundation
import JobModel
import JobStore
import Queues
import Settings
import TempFiles
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("Bucket events in a queue", .timeLimit(.minutes(5)))
struct BucketEventsTests {
    /// A service with queues of its own on the test broker.
    private struct Bench {
        let scratch = Scratch()
        let client: AMQPClient
        let queue: String
        let layout: QueueLayout
        let tracker: TempFileTracker
        let link: BrokerLink
        let service: BucketEvents
        let log: LogRecorder

        static func with(
            _ settings: [String: String] = [:],
            hasQueue: Bool = true,
            isRunning: Bool = true,
            _ body: (Bench) async throws -> Void
        ) async throws {
            try await withTestQueue("bucket-events", declared: hasQueue) { queue in
                try await withTestClient { client in
                    let bench = try await Bench(client, queue, settings)
                    let running = Task { if isRunning { await bench.service.run() } }
                    var failure: (any Error)?
                    do { try await body(bench) } catch { failure = error }
                    running.cancel()
                    await running.value
                    await bench.link.close()
                    for kind in MediaKind.allCases {
                        for name in [bench.layout.entry(kind).name, bench.layout.dead(kind).name] {
                            _ = try? await client.delete(queue: name)
                        }
                    }
                    if let failure { throw failure }
                }
            }
        }

        private init(_ client: AMQPClient, _ queue: String, _ more: [String: String]) async throws {
            let common = [
                "STORAGE_URL": "s3://media/app", "S3_SOURCE_BUCKETS": "uploads", "S3_EVENTS_QUEUE": queue,
                "QUEUE_PREFIX": "events.\(UUID().uuidString.prefix(8)).",
            ]
            let settings = try Settings.from(common.merging(more) { $1 })
            self.client = client
            self.queue = queue
            layout = settings.queueLayout
            log = LogRecorder()
            tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: TestBroker.logger)
            link = BrokerLink(logger: TestBroker.logger)
            try await link.connect(to: try await TestBroker.url())
            let made = BucketEvents(
                settings,
                tracker: tracker,
                broker: link,
                current: { settings },
                logger: log.logger
            )
            service = try #require(made)
        }

        func publish(_ text: String) async throws {
            try await client.publish(AMQPMessage(body: Array(text.utf8)), to: queue)
        }

        func settled(_ messages: UInt64) async throws {
            try await eventually("\(messages) messages are settled") { service.status.counts.messages >= messages }
            #expect(service.status.counts.messages == messages)
        }

        /// The jobs that wait, and stay.
        func jobs(_ kind: MediaKind = .image) async throws -> [Ticket] {
            var tickets: [Ticket] = []
            let browser = QueueBrowser(endpoints: AMQPEndpoints(try await TestBroker.endpoint()))
            _ = try await browser.browse(layout.entry(kind).name) { delivery, _ in
                tickets.append(try Ticket(message: delivery.body, of: kind))
                return .next
            }
            return tickets
        }

        func letters() async throws -> [DeadLetter] {
            let dead = DeadLetters(
                endpoints: AMQPEndpoints(try await TestBroker.endpoint()),
                queues: layout,
                logger: TestBroker.logger
            )
            return try await dead.list().letters
        }

        /// Has a job begun, as by a worker of this host.
        func begin(_ ticket: Ticket) async throws {
            var message = StageMessage(ticket, at: .download, record: ticket.json.serialized())
            message.worker = nil
            _ = try await tracker.jobs.begin(ticket.key, message)
        }
    }

    @Test("become jobs of all stores' shapes, and each message leaves its queue once its jobs are confirmed")
    func shapes() async throws {
        try await Bench.with { bench in
            try await bench.publish(EventSamples.amazon("a+b.jpg", bucket: "uploads"))
            try await bench.publish(EventSamples.minio("c%2Fd.jpg", bucket: "uploads"))
            try await bench.publish(EventSamples.ceph("e+f.jpg", bucket: "uploads"))
            try await bench.publish(EventSamples.eventBridge("app/g.jpg"))
            try await bench.publish(EventSamples.notification(of: EventSamples.amazon("h.mp4", bucket: "uploads")))
            try await bench.settled(5)
            let images = try await bench.jobs()
            #expect(
                images.map { $0.source ?? $0.sourceKey } == [
                    "s3://uploads/a b.jpg", "s3://uploads/c/d.jpg", "s3://uploads/e+f.jpg", "g.jpg",
                ]
            )
            #expect(try await bench.jobs(.video).map(\.source) == ["s3://uploads/h.mp4"])
            #expect(try await bench.client.messageCount(queue: bench.queue) == 0)
            #expect(bench.service.status.counts.jobs == 5 && bench.service.status.problem == nil)
        }
    }

    @Test("of one message become jobs one by one; the rest of them is counted by its reason")
    func several() async throws {
        try await Bench.with { bench in
            try await bench.publish(
                try EventSamples.together([
                    EventSamples.amazon("a.jpg", bucket: "uploads"), EventSamples.amazon("app/images/own.jpg"),
                    EventSamples.amazon("b.jpg", bucket: "uploads", name: "ObjectRemoved:Delete"),
                    EventSamples.amazon("b.txt", bucket: "uploads"), EventSamples.amazon("b.jpg", bucket: "other"),
                    EventSamples.amazon("c.mp4", bucket: "uploads"),
                ])
            )
            try await bench.settled(1)
            let counts = bench.service.status.counts
            #expect(counts.jobs == 2 && counts.refused == 0)
            #expect(
                counts.dropped.filter { $0.value > 0 } == [
                    "own_output": 1, "other_event": 1, "no_rule": 1, "foreign_bucket": 1,
                ]
            )
            #expect(
                bench.log.lines.contains { $0.metadata["object.key"] == "b.txt" && $0.metadata["reason"] == "no_rule" }
            )
        }
    }

    @Test("whose job is on the books make no second one, and none of an older version")
    func duplicates() async throws {
        try await Bench.with { bench in
            let text = EventSamples.amazon("a.jpg", bucket: "uploads", sequencer: "05")
            try await bench.publish(text)
            try await bench.settled(1)
            let job = try #require(try await bench.jobs().first)
            // Not begun anywhere: a second message is harmless, and the worker that takes it knows the job.
            try await bench.publish(text)
            try await bench.settled(2)
            #expect(try await bench.jobs().map(\.id) == [job.id, job.id])
            try await bench.begin(job)
            try await bench.publish(text)
            try await bench.settled(3)
            #expect(bench.service.status.counts.dropped["duplicate"] == 1)
            // Of an earlier version: this process remembers the later one.
            try await bench.publish(EventSamples.amazon("a.jpg", bucket: "uploads", sequencer: "04"))
            try await bench.settled(4)
            #expect(bench.service.status.counts.dropped["outdated"] == 1)
            try await bench.publish(EventSamples.amazon("a.jpg", bucket: "uploads", sequencer: "06"))
            try await bench.publish(EventSamples.amazon("b.jpg", bucket: "uploads", sequencer: "04"))
            try await bench.settled(6)
            #expect(bench.service.status.counts.jobs == 4)
        }
    }

    @Test("of an older version are known from the ledger as well, which remembers them across restarts")
    func outdated() async throws {
        try await Bench.with { bench in
            for (key, source) in [("app/in/a.jpg", "in/a.jpg"), ("b.jpg", "s3://uploads/b.jpg")] {
                var ticket = Ticket(id: ByteText("job of \(key)"), mediaID: "m", kind: .image)
                if key.hasPrefix("app/") { ticket.sourceKey = source } else { ticket.source = source }
                ticket.unknown["bucketEvent"] = ["sequencer": "0A"]
                try await bench.begin(ticket)
            }
            let events = [("app/in/a.jpg", "media"), ("b.jpg", "uploads")]
            for (key, bucket) in events {
                try await bench.publish(EventSamples.amazon(key, bucket: bucket, sequencer: "09"))
                try await bench.publish(EventSamples.amazon(key, bucket: bucket, sequencer: "0B"))
            }
            try await bench.settled(4)
            #expect(bench.service.status.counts.dropped["outdated"] == 2)
            #expect(try await bench.jobs().count == 2)
        }
    }

    @Test("A wish to cancel the job of an event that comes later does not keep its message from coming")
    func cancelled() async throws {
        try await Bench.with { bench in
            let text = EventSamples.amazon("a.jpg", bucket: "uploads")
            let settings = try Settings.from(["S3_SOURCE_BUCKETS": "uploads"])
            let record = try #require(try EventMessage(parsing: Array(text.utf8)).records.first)
            guard case .job(let job) = try EventJobs(settings).verdict(record) else { return #expect(Bool(false)) }
            _ = try await bench.tracker.jobs.requestCancel(job.ticket.key)
            try await bench.publish(text)
            try await bench.settled(1)
            #expect(try await bench.jobs().map(\.id) == [job.ticket.id])
        }
    }

    @Test("Messages that are no events become dead letters, bytes unchanged, and are never sent back as jobs")
    func refused() async throws {
        try await Bench.with { bench in
            let job = #"{"id":"forged","mediaId":"m","mediaType":"VIDEO","source":"file:///etc/passwd"}"#
            let partly = try EventSamples.together([EventSamples.amazon("a.jpg", bucket: "uploads")])
                .replacing(#""Records":["#, with: #""Records":[{},"#)
            let bodies = ["no json", job, partly, String(repeating: "x", count: EventMessage.maximumBytes + 1)]
            for body in bodies { try await bench.publish(body) }
            try await bench.settled(4)
            #expect(bench.service.status.counts.refused == 4 && bench.service.status.counts.jobs == 0)
            let letters = try await bench.letters()
            #expect(letters.map(\.reasonCode) == ["not_json", "missing_field", "missing_field", "too_large"])
            #expect(letters.allSatisfy { !$0.isRedrivable && $0.stage == "events" && $0.kind == .video })
            let found = try await bodiesOf(bench.layout.dead(.video).name, bench)
            #expect(found == bodies.dropLast().map { Array($0.utf8) } + [[]])
        }
    }

    private func bodiesOf(_ queue: String, _ bench: Bench) async throws -> [[UInt8]] {
        var bodies: [[UInt8]] = []
        let browser = QueueBrowser(endpoints: AMQPEndpoints(try await TestBroker.endpoint()))
        _ = try await browser.browse(queue) { delivery, _ in
            bodies.append(delivery.body)
            return .next
        }
        return bodies
    }

    @Test("A queue that is not there is a problem until it is, and is never declared")
    func missing() async throws {
        try await Bench.with(hasQueue: false) { bench in
            try await eventually("the queue is missed") { bench.service.status.problem != nil }
            #expect(bench.service.status.problem?.contains(bench.queue) == true)
            #expect(try await bench.client.messageCount(queue: bench.queue) == nil)
            // As its owner declares it: not as we would.
            try await bench.client.declare(AMQPQueue(bench.queue, arguments: ["x-max-length": 1000]))
            try await bench.publish(EventSamples.amazon("a.jpg", bucket: "uploads"))
            try await bench.settled(1)
            #expect(bench.service.status.problem == nil)
            try await bench.client.delete(queue: bench.queue)
            try await eventually("the queue is missed again") { bench.service.status.problem != nil }
            let lines = bench.log.lines.map(\.message)
            #expect(lines.count { $0 == "no jobs are made of bucket events" } == 2)
            #expect(lines.contains("jobs are made of bucket events again"))
        }
    }

    @Test("While jobs cannot be published an event is held, and its problem told; none is lost")
    func held() async throws {
        try await Bench.with { bench in
            // The broker refuses what would make the queue longer.
            let entry = bench.layout.entry(.image).name
            try await bench.client.declare(
                AMQPQueue(entry, arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
            )
            try await bench.publish(EventSamples.amazon("a.jpg", bucket: "uploads"))
            try await bench.settled(1)
            try await bench.publish(EventSamples.amazon("b.jpg", bucket: "uploads"))
            try await eventually("the problem is told") { bench.service.status.problem != nil }
            #expect(bench.service.status.counts.messages == 1)
            try await bench.client.purge(queue: entry)
            try await bench.settled(2)
            #expect(bench.service.status.problem == nil)
            #expect(try await bench.jobs().map(\.source) == ["s3://uploads/b.jpg"])
        }
    }

    @Test("An event that is held when the service ends stays in its queue")
    func ended() async throws {
        try await Bench.with(isRunning: false) { bench in
            let entry = bench.layout.entry(.image).name
            try await bench.client.declare(
                AMQPQueue(entry, arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
            )
            try await bench.client.publish(AMQPMessage(body: []), to: entry)
            let running = Task { await bench.service.run() }
            for key in ["a", "b", "c"] {
                try await bench.publish(EventSamples.amazon("\(key).jpg", bucket: "uploads"))
            }
            try await eventually("the problem is told") { bench.service.status.problem != nil }
            running.cancel()
            await running.value
            try await eventually("all events are back") {
                try await bench.client.messageCount(queue: bench.queue) == 3
            }
            #expect(bench.service.status.counts.messages == 0)
        }
    }
}
