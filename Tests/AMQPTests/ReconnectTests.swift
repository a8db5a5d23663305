import AMQP
import TestSupport
import Testing

@Suite struct ReconnectTests {
    @Test("After a cut connection the consumer goes on, and its old delivery is stale", arguments: [false, true])
    func resumes(transactional: Bool) async throws {
        try await withTestQueue { queue in
            try await withProxiedClient { client, proxy in
                try await client.publish(AMQPMessage(body: [1]), to: queue)
                let consumer = try client.consume(AMQPQueue(queue), transactional: transactional)
                let deliveries = consumer.makeAsyncIterator()
                let first = try #require(await deliveries.next())
                proxy.cutAll()
                let again = try #require(await deliveries.next())
                #expect(again.isRedelivered)
                let error = await #expect(throws: AMQPError.self) { try await first.acknowledge() }
                #expect(error?.code == .staleDelivery)
                try await again.acknowledge()
                try await client.publish(AMQPMessage(body: [2]), to: queue)
                let second = try #require(await deliveries.next())
                #expect(second.body == [2])
                try await second.acknowledge()
                #expect(proxy.acceptedConnections == 2)
            }
        }
    }

    @Test("Of several nodes the next is tried at once, and one that is gone is waited for with the others")
    func severalNodes() async throws {
        try await withTestQueue { queue in
            let broker = try await TestBroker.endpoint()
            let (first, second) = (try FaultProxy(to: broker), try FaultProxy(to: broker))
            defer { for proxy in [first, second] { proxy.close() } }
            var nowhere = broker
            nowhere.port = 1
            let endpoints = AMQPEndpoints(nowhere, [first.endpoint, second.endpoint])
            let client = AMQPClient(
                endpoints: endpoints,
                connectionName: "several",
                configuration: .quick,
                logger: TestBroker.logger
            )
            try client.start()
            var used: Set<UInt16> = []
            for round in 1...4 {
                try await client.publish(AMQPMessage(body: []), to: queue)
                let port = try #require(client.connectedEndpoint).port
                used.insert(port)
                #expect(first.acceptedConnections + second.acceptedConnections == round)
                var states = client.states.makeAsyncIterator()
                (port == first.endpoint.port ? first : second).cutAll()
                while let state = await states.next(), state.isConnected {}
            }
            // One after the other, wherever chance began.
            #expect(used == [first.endpoint.port, second.endpoint.port])
            await client.close()
        }
    }

    @Test("Listeners hear of each loss and each return")
    func states() async throws {
        try await withProxiedClient { client, proxy in
            var states = client.states.makeAsyncIterator()
            while let state = await states.next(), !state.isConnected {}
            for _ in 0..<2 {
                proxy.cutAll()
                guard case .disconnected(let error)? = await states.next() else {
                    Issue.record("no word of the loss")
                    return
                }
                #expect(error.isRetriable)
                #expect(await states.next() == .connected)
            }
            await client.close()
            #expect(await states.next() == .closed)
            #expect(await states.next() == nil)
        }
    }

    @Test("A queue deleted under its consumer is declared again, and consuming goes on", arguments: [false, true])
    func deletedQueue(transactional: Bool) async throws {
        try await withTestQueue { queue in
            let log = LogRecorder()
            try await withTestClient(configuration: .quick, logger: log.logger) { client in
                let consumer = try client.consume(AMQPQueue(queue), transactional: transactional)
                try #require(await log.wait(for: "Subscribed.") != nil)
                try await withTestClient { other in
                    try await other.delete(queue: queue)
                    try #require(await log.wait(for: "ended a subscription") != nil)
                    try #require(await log.wait(for: "Subscribed.") != nil)
                    try await other.publish(AMQPMessage(body: [1]), to: queue)
                }
                let delivery = try #require(await consumer.first { _ in true })
                try await delivery.acknowledge()
            }
        }
    }

    @Test("A consumer that does not declare its queue waits until somebody else does")
    func waitsForQueue() async throws {
        try await withTestQueue(declared: false) { queue in
            let log = LogRecorder()
            try await withTestClient(configuration: .quick, logger: log.logger) { client in
                let consumer = try client.consume(AMQPQueue(queue), declaring: false)
                let line = try #require(await log.wait(for: "closed a consumer's channel"))
                #expect(line.contains("not_found"))
                try await client.declare(AMQPQueue(queue))
                try await client.publish(AMQPMessage(body: [1]), to: queue)
                try await #require(await consumer.first { _ in true }).acknowledge()
            }
        }
    }

    @Test("Heartbeats keep an idle connection alive")
    func heartbeats() async throws {
        try await withTestQueue { queue in
            let configuration = AMQPConfiguration(heartbeat: .seconds(1))
            try await withProxiedClient(configuration: configuration) { client, proxy in
                try await client.waitUntilConnected()
                for await _ in proxy.frames(.toBroker, .heartbeat, times: 4) {}
                #expect(client.state == .connected)
                try await client.publish(AMQPMessage(body: []), to: queue)
                #expect(proxy.acceptedConnections == 1)
            }
        }
    }

    @Test("A broker that falls silent is noticed, and the client connects again")
    func silence() async throws {
        try await withTestQueue { queue in
            var configuration = AMQPConfiguration.quick
            configuration.heartbeat = .seconds(1)
            try await withProxiedClient(configuration: configuration) { client, proxy in
                var states = client.states.makeAsyncIterator()
                while let state = await states.next(), !state.isConnected {}
                proxy.silence(true, [.toClient])
                guard case .disconnected(let error)? = await states.next() else {
                    Issue.record("the silence was not noticed")
                    return
                }
                #expect(error.code == .connectionFailed)
                proxy.silence(false, [.toClient])
                proxy.cutAll()
                try await client.publish(AMQPMessage(body: []), to: queue)
            }
        }
    }

    @Test("A broker that does not answer a request is given up after the reply timeout")
    func noAnswer() async throws {
        var configuration = AMQPConfiguration.quick
        configuration.replyTimeout = .milliseconds(200)
        try await withProxiedClient(configuration: configuration) { client, proxy in
            try await client.waitUntilConnected()
            proxy.silence(true, [.toClient])
            let error = await #expect(throws: AMQPError.self) { try await client.messageCount(queue: "q") }
            #expect(error?.code == .connectionFailed)
            #expect(error?.isRetriable == true)
            proxy.silence(false, [.toClient])
            proxy.cutAll()
            var states = client.states.makeAsyncIterator()
            while let state = await states.next(), !state.isConnected {}
        }
    }

    @Test("A task that waits for a connection can be cancelled")
    func cancelWaiting() async throws {
        var endpoint = try await TestBroker.endpoint()
        endpoint.port = 1
        try await withTestClient(to: endpoint) { client in
            let waiting = Task { try await client.waitUntilConnected() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }

    @Test("A broker that agrees twice to the end of a subscription costs the connection nothing")
    func cancelledTwice() async throws {
        try await withTestQueue { queue in
            try await withProxiedClient { client, proxy in
                proxy.repeatFrames(.toClient, AMQPFrameKind(60, 31))
                for round in UInt8(0)..<3 {
                    try await client.publish(AMQPMessage(body: [round]), to: queue)
                    let consumer = try client.consume(AMQPQueue(queue))
                    let delivery = try #require(await consumer.first { _ in true })
                    await consumer.stop()
                    try await delivery.acknowledge()
                    #expect(try await client.messageCount(queue: queue) == 0)
                }
                #expect(proxy.acceptedConnections == 1)
            }
        }
    }
}
