internal import AMQP
internal import JobModel
internal import Logging
internal import Synchronization

/// Drops the oldest progress updates of a queue that fills up because nobody reads it.
///
/// Existing clients declare the queue without arguments, so no limit of the broker's can be put on it, and such a limit would
/// not tell terminal updates from others. So the queue is read from its head over a connection of its own: progress updates are
/// acknowledged, which drops them; terminal ones are left unsettled, and are back in their places, in order, when the connection
/// is closed, however this process ends. Nothing is published again, so nothing can be lost or doubled.
struct UpdatesTrim: Sendable {
    var endpoints: AMQPEndpoints
    /// So many messages the queue is to hold at most.
    var limit: Int
    /// Terminal updates that are passed over at most, to get at what lies behind them.
    var maximumKept: UInt16 = 20_000
    /// Without any delivery for so long, nothing more is to come: somebody else reads.
    var patience = Duration.seconds(2)

    struct Result: Sendable, Equatable {
        var waiting = 0
        var dropped = 0
        /// Terminal updates that were passed over.
        var kept = 0
    }

    /// Acknowledgements that are under way at a time.
    private static let batch = 64

    /// Nearly full. Progress updates are left out of a full queue, and it is the new ones that clients want.
    func isDue(at count: Int) -> Bool { limit > 0 && count >= limit - limit / 10 }

    /// Halves the queue, if there is enough to drop in it.
    ///
    /// - Parameter look: told of each delivery before it is settled or passed over.
    /// - Throws: ``AMQPError``, or what `look` throws. What was not dropped is back in its place.
    func run(_ queue: String, _ look: @Sendable (AMQPDelivery) throws -> Void = { _ in }) async throws -> Result {
        let client = AMQPClient(
            endpoints: endpoints,
            connectionName: "supervisor trims",
            configuration: AMQPConfiguration(replyTimeout: .seconds(10), publishTimeout: .seconds(10)),
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
        let consumer = try client.consume(
            AMQPQueue(queue),
            // What is to be dropped is unsettled as well, until it is a batch.
            prefetch: UInt16(clamping: Int(maximumKept) + Self.batch),
            declaring: false
        )
        let seen = Count()
        let quiet = Task { [patience] in
            var before = -1
            while true {
                try await Task.sleep(for: patience)
                let now = seen.value.load(ordering: .relaxed)
                if now == before { return await consumer.stop() }
                before = now
            }
        }
        defer { quiet.cancel() }
        let deliveries = consumer.makeAsyncIterator()
        var old: [AMQPDelivery] = []
        while result.dropped + old.count < excess, result.dropped + old.count + result.kept < result.waiting,
            result.kept < Int(maximumKept), let delivery = await deliveries.next()
        {
            seen.value.wrappingAdd(1, ordering: .relaxed)
            try look(delivery)
            if Self.isProgress(delivery) { old.append(delivery) } else { result.kept += 1 }
            if old.count == Self.batch { result.dropped += try await Self.drop(&old) }
        }
        result.dropped += try await Self.drop(&old)
        return result
    }

    /// Deliveries so far.
    private final class Count: Sendable {
        let value = Atomic(0)
    }

    private static func drop(_ deliveries: inout [AMQPDelivery]) async throws -> Int {
        defer { deliveries = [] }
        try await withThrowingTaskGroup(of: Void.self) { [deliveries] group in
            for delivery in deliveries { group.addTask { try await delivery.acknowledge() } }
            try await group.waitForAll()
        }
        return deliveries.count
    }

    /// What cannot be read is left alone.
    private static func isProgress(_ delivery: AMQPDelivery) -> Bool {
        guard let update = try? JSONValue(parsing: delivery.body).objectValue else { return false }
        return update["status"]?.stringValue == ProgressUpdate.Status.processing.rawValue
    }
}
