internal import AMQP
internal import Logging

/// Looks through the messages of a queue over a connection of its own. What is not settled is back in its place, in order,
/// once that connection is closed, however this process ends.
struct QueueBrowser: Sendable {
    var endpoints: AMQPEndpoints
    /// A quorum queue counts a look as a delivery, and gives up what was delivered too often. So a message that was delivered
    /// so often before is put into its queue anew.
    var renewingAfter: Int64 = .max
    /// So many messages are seen at most.
    var maximumMessages = 10_000
    /// Longest time for one queue: another reader may hold what the broker has counted.
    var patience = Duration.seconds(10)

    /// What to do after a message was looked at.
    enum Verdict: Sendable {
        case next
        /// As ``next``, of a message that was settled.
        case settled
        case stop
    }

    struct Sight: Sendable, Equatable {
        var waiting = 0
        var seen = 0
    }

    /// Shows the messages that wait in a queue, the first to be delivered first.
    ///
    /// - Parameter look: may settle the delivery; publishes by the client that it is given.
    func browse(
        _ queue: String,
        _ look: (AMQPDelivery, AMQPClient) async throws -> Verdict
    ) async throws -> Sight {
        let client = AMQPClient(
            endpoints: endpoints,
            connectionName: "supervisor browses",
            configuration: AMQPConfiguration(replyTimeout: .seconds(10), publishTimeout: .seconds(10)),
            logger: Logger(label: "browse") { _ in SwiftLogNoOpLogHandler() }
        )
        try client.start()
        do {
            let sight = try await browse(queue, client, look)
            await client.close()
            return sight
        } catch {
            await client.close()
            throw error
        }
    }

    private func browse(
        _ queue: String,
        _ client: AMQPClient,
        _ look: (AMQPDelivery, AMQPClient) async throws -> Verdict
    ) async throws -> Sight {
        var sight = Sight()
        sight.waiting = try await client.messageCount(queue: queue) ?? 0
        let wanted = min(sight.waiting, maximumMessages)
        if wanted == 0 { return sight }
        let consumer = try client.consume(
            AMQPQueue(queue),
            prefetch: UInt16(clamping: wanted),
            declaring: false
        )
        let bell = Task {
            try await Task.sleep(for: patience)
            await consumer.stop()
        }
        defer { bell.cancel() }
        let deliveries = consumer.makeAsyncIterator()
        while sight.seen < wanted, let delivery = await deliveries.next() {
            sight.seen += 1
            switch try await look(delivery, client) {
            case .stop: return sight
            case .settled: continue
            case .next where delivery.earlierDeliveries >= renewingAfter:
                try? await delivery.giveBack(by: client, renewingAfter: renewingAfter)
            case .next: continue
            }
        }
        return sight
    }
}
