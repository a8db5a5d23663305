import JobModel
import Queues
import Settings
import TestSupport
import Testing

@testable import AMQP

@Suite("The layout of queues", .serialized)
struct QueueLayoutTests {
    private static let quorum: AMQPValue = "quorum"

    /// A quorum layout with names of its own, whose queues are there while `body` runs.
    private func withQueues(
        limit: Int64 = 4,
        _ kinds: [(QueueLayout) -> AMQPQueue],
        _ body: (QueueLayout, AMQPClient) async throws -> Void
    ) async throws {
        let names = QueueNames(prefix: TestBroker.uniqueName("layout") + ".")
        let layout = QueueLayout(names: names, type: .quorum, deliveryLimit: limit)
        try await withTestClient { client in
            let queues = kinds.map { $0(layout) }
            for queue in queues { try await client.declare(queue) }
            do {
                try await body(layout, client)
            } catch {
                for queue in queues { _ = try? await client.delete(queue: queue.name) }
                throw error
            }
            for queue in queues { try await client.delete(queue: queue.name) }
        }
    }

    @Test("is by default that of existing clients: their names, and no arguments")
    func classic() {
        let layout = QueueLayout(names: QueueNames())
        #expect(
            layout.lasting(.video) == [
                AMQPQueue("video.processing.download"), AMQPQueue("video.processing.processing"),
                AMQPQueue("video.processing.upload"), AMQPQueue("video.processing.cleanup"),
                AMQPQueue("video.processing.updates"), AMQPQueue("video.processing.dead"),
                AMQPQueue("video.processing.requests"),
            ]
        )
        #expect(layout.entry(.image) == AMQPQueue("image.processing.download"))
        #expect(layout.retryDelaysMilliseconds == QueueNames.retryDelaysMilliseconds)
        #expect(
            layout.retry(.image, .upload, delayMilliseconds: 1000)
                == AMQPQueue(
                    "image.processing.upload.retry.1000ms",
                    arguments: [
                        "x-message-ttl": 1000, "x-dead-letter-exchange": "",
                        "x-dead-letter-routing-key": "image.processing.upload",
                    ]
                )
        )
    }

    @Test("of quorum queues has a limit for work, which goes to clean-up, and loses nothing on the way")
    func quorum() {
        let layout = QueueLayout(names: QueueNames(prefix: "p."), type: .quorum, deliveryLimit: 7)
        #expect(layout.lasting(.video).allSatisfy { $0.isDurable && $0.arguments["x-queue-type"] == Self.quorum })
        for stage in Stage.allCases {
            let arguments = layout.work(.video, stage).arguments
            #expect(arguments["x-delivery-limit"] == 7)
            #expect(arguments["x-dead-letter-strategy"] == "at-least-once")
            #expect(arguments["x-overflow"] == "reject-publish")
            let target = stage == .cleanup ? "p.video.processing.dead" : "p.video.processing.cleanup"
            #expect(arguments["x-dead-letter-routing-key"] == .string(target))
            let retry = layout.retry(.video, stage, delayMilliseconds: 5000).arguments
            #expect(retry["x-dead-letter-strategy"] == "at-least-once" && retry["x-message-ttl"] == 5000)
        }
        #expect(layout.retryDelaysMilliseconds == QueueNames.retrySteps)
        #expect(layout.updates(.video).arguments == ["x-queue-type": "quorum"])
        #expect(layout.dead(.video).arguments == ["x-queue-type": "quorum"])
    }

    @Test("of one of several hosts shares what clients know, and has its own of the rest")
    func node() {
        let layout = QueueLayout(names: QueueNames(prefix: "p.", node: "host-1"), type: .quorum)
        let names = layout.names
        #expect(names.entry(.video) == "p.video.processing.download")
        #expect(names.work(.video, .process) == "p.video.processing.processing.host-1")
        #expect(names.sources(.video, .process) == ["p.video.processing.processing.host-1"])
        #expect(
            names.sources(.video, .download) == ["p.video.processing.download", "p.video.processing.download.host-1"]
        )
        #expect(
            names.retry(.video, .download, delayMilliseconds: 1000)
                == "p.video.processing.download.host-1.retry.1000ms"
        )
        #expect(names.updates(.video) == "p.video.processing.updates")
        #expect(names.dead(.video) == "p.video.processing.dead")
        // The shared queue is the same for all hosts, also for one without a name.
        var lone = layout
        lone.names.node = nil
        #expect(layout.entry(.video) == lone.work(.video, .download))
        #expect(layout.shared(.video, .cleanup) == lone.work(.video, .cleanup))
        #expect(
            layout.work(.video, .upload).arguments["x-dead-letter-routing-key"] == "p.video.processing.cleanup.host-1"
        )
        // The log of claims among them, which is never of another type.
        #expect(Set(layout.lasting(.video).map(\.name)).count == 10)
        #expect(layout.claims(.video).name == "p.video.processing.claims" && layout.claims(.video).isStream)
    }

    @Test("gives a message up after its limit: from work to clean-up, and from there to the dead letters")
    func givenUp() async throws {
        let kinds: [(QueueLayout) -> AMQPQueue] = [
            { $0.dead(.image) }, { $0.work(.image, .cleanup) }, { $0.work(.image, .process) },
            { $0.retry(.image, .process, delayMilliseconds: 1000) },
        ]
        try await withQueues(kinds) { layout, client in
            let names = layout.names
            try await client.publish(
                AMQPMessage(body: [1], messageID: "job"),
                to: names.retry(.image, .process, delayMilliseconds: 1000)
            )
            for stage in [Stage.process, .cleanup] {
                let deliveries = try client.consume(layout.work(.image, stage)).makeAsyncIterator()
                for count in 0...layout.deliveryLimit {
                    let delivery = try #require(await deliveries.next())
                    #expect(delivery.earlierDeliveries == count)
                    #expect(delivery.givenUpBy == (stage == .process ? nil : AMQPText(names.work(.image, .process))))
                    try await delivery.reject(requeue: true)
                }
            }
            let letter = try #require(await client.consume(layout.dead(.image)).first { _ in true })
            #expect(letter.messageID == "job" && letter.body == [1])
            #expect(letter.givenUpBy == AMQPText(names.work(.image, .cleanup)))
            try await letter.acknowledge()
        }
    }

    @Test("does not give up what is only given back, however often")
    func renewal() async throws {
        try await withQueues([{ $0.work(.image, .cleanup) }, { $0.dead(.image) }]) { layout, client in
            let queue = layout.work(.image, .cleanup)
            let message = AMQPMessage(
                body: [1, 2],
                messageID: "job",
                priority: 3,
                correlationID: "c",
                type: "watch",
                headers: ["x": "kept"]
            )
            try await client.publish(message, to: queue.name)
            let deliveries = try client.consume(queue).makeAsyncIterator()
            for _ in 1...(5 * layout.deliveryLimit) {
                let delivery = try #require(await deliveries.next())
                #expect(delivery.earlierDeliveries <= layout.returnsBeforeRenewal)
                try await delivery.giveBack(by: client, renewingAfter: layout.returnsBeforeRenewal)
            }
            let delivery = try #require(await deliveries.next())
            #expect(delivery.renewed == message)
            try await delivery.acknowledge()
            #expect(try await client.messageCount(queue: queue.name) == 0)
            #expect(try await client.messageCount(queue: layout.dead(.image).name) == 0)
        }
    }

    @Test(
        "tells every difference of a queue that exists otherwise, and what it costs",
        arguments: [
            (QueueType.classic, QueueType.quorum, 6), (.quorum, .classic, 6), (.quorum, .quorum, 0),
            (.classic, .classic, 0),
        ]
    )
    func differences(_ existing: QueueType, _ wanted: QueueType, _ count: Int) async throws {
        let names = QueueNames(prefix: TestBroker.uniqueName("layout") + ".")
        let layout = QueueLayout(names: names, type: wanted)
        let queue = layout.work(.video, .upload)
        try await withTestClient { client in
            try await client.declare(QueueLayout(names: names, type: existing).work(.video, .upload))
            let differences = try await client.differences(of: queue, otherwise: layout.otherwise(queue))
            #expect(differences.count == count)
            #expect(differences.allSatisfy { !$0.cost.isEmpty })
            if existing != wanted {
                let type = try #require(differences.first { $0.argument == "x-queue-type" })
                #expect((type.wanted == "quorum") == (wanted == .quorum))
            }
            try await client.delete(queue: queue.name)
        }
    }

    @Test("tells a missing or another delivery limit")
    func limit() async throws {
        for existing: AMQPValue? in [nil, 5] {
            try await withTestClient { client in
                let queue = QueueLayout(
                    names: QueueNames(prefix: TestBroker.uniqueName("layout") + "."),
                    type: .quorum
                ).work(.video, .upload)
                var other = queue
                other.arguments["x-delivery-limit"] = existing
                try await client.declare(other)
                let differences = try await client.differences(of: queue)
                let found = existing == nil ? nil : "5"
                #expect(differences == [QueueDifference(argument: "x-delivery-limit", wanted: "20", found: found)])
                try await client.delete(queue: queue.name)
            }
        }
    }

    @Test("of quorum queues is used without transactions: a commit is answered though a queue refused the message")
    func transaction() async throws {
        let (input, full) = (TestBroker.uniqueName("in"), TestBroker.uniqueName("full"))
        try await withTestClient { client in
            try await client.declare(AMQPQueue(input, arguments: ["x-queue-type": "quorum"]))
            try await client.declare(
                AMQPQueue(
                    full,
                    arguments: ["x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"]
                )
            )
            // The limit is applied with a delay of one or two.
            var stored = 0
            var refusal: AMQPError?
            while refusal == nil {
                do throws(AMQPError) {
                    try await client.publish(AMQPMessage(body: [0]), to: full)
                    stored += 1
                } catch {
                    refusal = error
                }
            }
            #expect(refusal?.code == .rejectedByBroker)
            try await client.publish(AMQPMessage(body: [1]), to: input)
            let consumer = try client.consume(AMQPQueue(input), transactional: true, declaring: false)
            let delivery = try #require(await consumer.first { _ in true })
            // When this begins to throw, quorum queues can have the transaction that classic ones have.
            try await delivery.acknowledge(publishing: [(AMQPMessage(body: [2]), full)])
            await consumer.stop()
            #expect(try await client.messageCount(queue: input) == 0)
            #expect(try await client.messageCount(queue: full) == stored)
            for queue in [input, full] { try await client.delete(queue: queue) }
        }
    }
}
