import AMQP
import TestSupport
import Testing

@Suite struct PublishingTests {
    @Test("A message arrives as it was published", arguments: [0, 1, 131_064, 2 << 20])
    func roundTrip(bodyBytes: Int) async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                let message = AMQPMessage(
                    body: (0..<bodyBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) },
                    messageID: "job-1",
                    contentType: "application/json",
                    priority: 3,
                    correlationID: "c",
                    type: "t",
                    headers: [
                        "bool": true, "int": -5, "large": .int(.max), "double": 0.25, "text": "grün \u{1F980}",
                        "bytes": .bytes([0, 255]), "time": .timestamp(secondsSince1970: 1_700_000_000), "none": nil,
                        "array": .array([1, "two", .table(["three": 3])]), "table": .table(["k": .array([])]),
                        "empty": "",
                    ]
                )
                try await client.publish(message, to: queue)
                let consumer = try client.consume(AMQPQueue(queue))
                let delivery = try #require(await consumer.first { _ in true })
                #expect(delivery.body == message.body)
                #expect(delivery.bodyBytes == UInt64(bodyBytes))
                #expect(!delivery.isOversized)
                #expect(delivery.messageID == "job-1")
                #expect(delivery.contentType == "application/json")
                #expect(delivery.priority == 3)
                #expect(delivery.correlationID == "c")
                #expect(delivery.type == "t")
                #expect(delivery.isPersistent)
                #expect(!delivery.isRedelivered)
                #expect(delivery.queue == queue)
                #expect(delivery.headers == message.headers)
                try await delivery.acknowledge()
                await consumer.stop()
                #expect(try await client.messageCount(queue: queue) == 0)
            }
        }
    }

    @Test("A message without properties arrives without them")
    func bare() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                try await client.publish(AMQPMessage(body: [], contentType: nil, isPersistent: false), to: queue)
                let delivery = try #require(await client.consume(AMQPQueue(queue)).first { _ in true })
                #expect(delivery.contentType == nil && delivery.messageID == nil && delivery.priority == nil)
                #expect(delivery.headers.isEmpty && !delivery.isPersistent)
                try await delivery.acknowledge()
            }
        }
    }

    @Test("A publish to a queue that does not exist fails, and the next to one that does succeeds")
    func unroutable() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                let missing = TestBroker.uniqueName("missing")
                let error = try await #require(throws: AMQPError.self) {
                    try await client.publish(AMQPMessage(body: [1]), to: missing)
                }
                #expect(error.code == .unroutable)
                #expect(error.queue == missing)
                try await client.publish(AMQPMessage(body: [1]), to: queue)
            }
        }
    }

    @Test("Many publishes under way at a time are told apart")
    func pipelined() async throws {
        try await withTestQueue { queue in
            try await withTestClient { client in
                let missing = TestBroker.uniqueName("missing")
                let codes = await withTaskGroup(of: (Int, AMQPError.Code?).self) { group in
                    for index in 0..<500 {
                        group.addTask {
                            do {
                                let target = index.isMultiple(of: 5) ? missing : queue
                                try await client.publish(AMQPMessage(body: [1], messageID: "\(index)"), to: target)
                                return (index, nil)
                            } catch {
                                return (index, (error as? AMQPError)?.code)
                            }
                        }
                    }
                    return await group.reduce(into: [:]) { $0[$1.0] = .some($1.1) }
                }
                for (index, code) in codes {
                    #expect(code == (index.isMultiple(of: 5) ? .unroutable : nil))
                }
                let count = try await client.messageCount(queue: queue)
                #expect(count == 400)
            }
        }
    }

    @Test("A publish that is posted before there is a connection waits for it")
    func waitsForConnection() async throws {
        try await withTestQueue { queue in
            let endpoint = try await TestBroker.endpoint()
            let client = AMQPClient(endpoint: endpoint, connectionName: "late", logger: TestBroker.logger)
            async let published: Void = client.publish(AMQPMessage(body: [1]), to: queue)
            try client.start()
            try await published
            await client.close()
        }
    }

    @Test("A publish without a connection gives up when its time is up")
    func timesOut() async throws {
        var endpoint = try await TestBroker.endpoint()
        endpoint.port = 1
        let configuration = AMQPConfiguration(publishTimeout: .milliseconds(50))
        try await withTestClient(to: endpoint, configuration: configuration) { client in
            let error = try await #require(throws: AMQPError.self) {
                try await client.publish(AMQPMessage(body: [1]), to: "q")
            }
            #expect(error.code == .timedOut)
            #expect(error.isRetriable)
        }
    }

    /// Begins a publish whose confirm the proxy holds back, and returns when the broker has been sent the message.
    private func beginUnconfirmedPublish(
        _ client: AMQPClient,
        _ proxy: FaultProxy,
        to queue: String
    ) async throws -> Task<Void, any Error> {
        try await client.waitUntilConnected()
        proxy.silence(true, [.toClient])
        let marker = Array("marker-of-this-message".utf8)
        let sent = proxy.frames(.toBroker, .body, holding: marker)
        let published = Task { try await client.publish(AMQPMessage(body: marker), to: queue) }
        for await _ in sent {}
        return published
    }

    @Test("Closing the client fails a publish that was sent and not confirmed as unconfirmed")
    func closeWhilePending() async throws {
        try await withTestQueue { queue in
            try await withProxiedClient { client, proxy in
                let published = try await beginUnconfirmedPublish(client, proxy, to: queue)
                await client.close()
                let error = await #expect(throws: AMQPError.self) { try await published.value }
                #expect(error?.code == .unconfirmed)
                let late = await #expect(throws: AMQPError.self) {
                    try await client.publish(AMQPMessage(body: []), to: queue)
                }
                #expect(late?.code == .closed)
            }
        }
    }

    @Test("A connection lost before the confirm leaves the publish unconfirmed, and the next one succeeds")
    func lostBeforeConfirm() async throws {
        try await withTestQueue { queue in
            try await withProxiedClient { client, proxy in
                let published = try await beginUnconfirmedPublish(client, proxy, to: queue)
                proxy.silence(false, [.toClient])
                proxy.cutAll()
                let error = await #expect(throws: AMQPError.self) { try await published.value }
                #expect(error?.code == .unconfirmed)
                #expect(error?.isRetriable == true)
                try await client.publish(AMQPMessage(body: []), to: queue)
                #expect(proxy.acceptedConnections == 2)
            }
        }
    }

    @Test("A client that is never started, or is closed, fails its calls")
    func closed() async throws {
        let endpoint = try await TestBroker.endpoint()
        let client = AMQPClient(endpoint: endpoint, connectionName: "idle", logger: TestBroker.logger)
        let consumer = try client.consume(AMQPQueue("never"))
        await client.close()
        await client.close()
        #expect(client.state == .closed)
        let error = await #expect(throws: AMQPError.self) { try await client.declare(AMQPQueue("never")) }
        #expect(error?.code == .closed)
        await #expect(throws: AMQPError.self) { try await client.waitUntilConnected() }
        #expect(throws: AMQPError.self) { try client.start() }
        #expect(await consumer.first { _ in true } == nil)
        await consumer.stop()
    }
}
