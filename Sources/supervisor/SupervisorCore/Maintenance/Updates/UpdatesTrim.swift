internal import AMQP
internal import JobModel
internal import Logging

/// Drops the oldest progress updates of a queue that fills up because nobody reads it.
///
/// Existing clients declare the queue without arguments, so no limit of the broker's can be put on it, and such a limit
/// would not tell terminal updates from others. So the queue is read from its head over a connection of its own:
/// progress updates are acknowledged, which drops them; terminal ones are left unsettled, and are back in their places,
/// in order, when the connection is closed, however this process ends. Nothing is published again, so nothing can be
/// lost or doubled.
struct UpdatesTrim: Sendable {
    var endpoints: AMQPEndpoints
    /// So many messages the queue is to hold at most.
    var limit: Int
    /// The most terminal updates that are passed over, to reach the updates behind them.
    var maximumKept = 20_000

    struct Result: Sendable, Equatable {
        var waiting = 0
        var dropped = 0
        /// Terminal updates that were passed over.
        var kept = 0
    }

    /// The messages that are requested at a time, and the acknowledgements that are under way. With the limit of a body
    /// this bounds the memory.
    private static let batch = 16
    /// No update of ours is longer; a longer message is left alone.
    private static let maximumBodyBytes = 1 << 20

    /// Whether the queue is nearly full. A full queue takes no more progress updates, and clients want the new ones.
    func isDue(at count: Int) -> Bool { limit > 0 && count >= limit - limit / 10 }

    /// Halves the queue, if there is enough to drop in it.
    ///
    /// - Parameter look: told of each delivery before it is settled or passed over.
    /// - Throws: ``AMQPError``, or an error of `look`. An update that was not dropped is back in its place.
    func run(_ queue: String, _ look: @Sendable (AMQPDelivery) throws -> Void = { _ in }) async throws -> Result {
        let client = AMQPClient(
            endpoints: endpoints,
            connectionName: "supervisor trims",
            configuration: AMQPConfiguration(
                replyTimeout: .seconds(10),
                publishTimeout: .seconds(10),
                maximumBodyBytes: Self.maximumBodyBytes
            ),
            logger: Logger(label: "trim") { _ in SwiftLogNoOpLogHandler() }
        )
        try client.start()
        do {
            let result = try await run(queue, client, look)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    private func run(
        _ queue: String,
        _ client: AMQPClient,
        _ look: @Sendable (AMQPDelivery) throws -> Void
    ) async throws -> Result {
        var result = Result()
        result.waiting = try await client.messageCount(queue: queue) ?? 0
        let excess = result.waiting - limit / 2
        guard isDue(at: result.waiting), excess > 0 else { return result }
        let puller = try client.pull(queue)
        while true {
            // Fewer than asked for: nothing more waits now, or somebody else reads.
            let deliveries = try await puller.next(Self.batch)
            var old: [AMQPDelivery] = []
            var isEnough = deliveries.count < Self.batch
            for delivery in deliveries {
                let dropped = result.dropped + old.count
                if dropped >= excess || dropped + result.kept >= result.waiting || result.kept >= maximumKept {
                    isEnough = true
                    break
                }
                try look(delivery)
                if Self.isProgress(delivery) { old.append(delivery) } else { result.kept += 1 }
            }
            result.dropped += try await Self.drop(old)
            if isEnough { return result }
        }
    }

    private static func drop(_ deliveries: [AMQPDelivery]) async throws -> Int {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for delivery in deliveries { group.addTask { try await delivery.acknowledge() } }
            try await group.waitForAll()
        }
        return deliveries.count
    }

    /// A message that cannot be read is left alone.
    private static func isProgress(_ delivery: AMQPDelivery) -> Bool {
        guard !delivery.isOversized, let update = try? JSONValue(parsing: delivery.body).objectValue else {
            return false
        }
        return update["status"]?.textValue == ByteText(ProgressUpdate.Status.processing.rawValue)
    }
}
