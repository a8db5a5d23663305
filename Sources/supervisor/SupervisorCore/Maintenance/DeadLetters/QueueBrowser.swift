internal import AMQP
internal import Logging

/// Looks through the messages of a queue over a connection of its own. A message that is not settled is back in its
/// place, in order, once that connection is closed, however this process ends.
///
/// The broker is asked for one message at a time, so one body is in memory at most, however many wait and however long
/// they are.
struct QueueBrowser: Sendable {
    var endpoints: AMQPEndpoints
    /// A quorum queue counts a look as a delivery, and gives up what was delivered too often. So a message that was
    /// delivered so often before is put into its queue anew.
    var renewingAfter: Int64 = .max
    /// So many messages are seen at most.
    var maximumMessages = 10_000
    /// No further message is looked at once those seen have so many bytes together.
    var maximumBytes = UInt64.max
    /// A longer body is not kept: its delivery is marked. No job's message is longer.
    var maximumBodyBytes = 16 << 20
    /// Longest time for one queue: another reader may hold what the broker has counted.
    var patience = Duration.seconds(10)

    /// The next step after a look at a message.
    enum Verdict: Sendable {
        case next
        /// As ``next``; the message was settled.
        case settled
        case stop
    }

    struct Sight: Sendable, Equatable {
        var waiting = 0
        var seen = 0
        /// Bytes of the messages that were seen.
        var bytes: UInt64 = 0
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
            configuration: AMQPConfiguration(
                replyTimeout: .seconds(10),
                publishTimeout: .seconds(10),
                maximumBodyBytes: maximumBodyBytes
            ),
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
        let puller = try client.pull(queue)
        let deadline = ContinuousClock.now + patience
        while sight.seen < wanted, sight.bytes < maximumBytes, ContinuousClock.now < deadline,
            let delivery = try await puller.next().first
        {
            sight.seen += 1
            let (bytes, overflow) = sight.bytes.addingReportingOverflow(delivery.bodyBytes)
            sight.bytes = overflow ? .max : bytes
            switch try await look(delivery, client) {
            case .stop: return sight
            case .settled: continue
            case .next where delivery.earlierDeliveries >= renewingAfter:
                // A message that cannot be renewed now is back in its place afterwards.
                _ = try? await delivery.renew(by: client)
            case .next: continue
            }
        }
        return sight
    }
}
