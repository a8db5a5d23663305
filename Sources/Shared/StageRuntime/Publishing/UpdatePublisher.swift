internal import AMQP
internal import JobModel
internal import Logging
internal import Synchronization

/// Sends progress updates. They are news, not state: one that cannot be sent now is dropped, and none is sent while the queue
/// is full. The supervisor drops the oldest ones of a queue that fills up.
final class UpdatePublisher: Sendable {
    private let client: AMQPClient
    private let topology: Topology
    /// 0: no limit.
    private let maximumLength: Int64
    private let logger: Logger
    private let room = Mutex(Room())

    /// What is known of the queue's room. The broker is not asked for every update: a look costs as much as an update.
    private struct Room {
        var isOverfull = false
        /// Updates that may go before the next look, which is due anyway when this time is over.
        var credit: Int64 = 0
        var validUntil = ContinuousClock.now

        mutating func spend() -> Bool {
            guard credit > 0, ContinuousClock.now < validUntil else { return false }
            credit -= 1
            return true
        }
    }

    /// So many workers may share the room that each of them sees.
    private static let shares: Int64 = 16

    init(client: AMQPClient, topology: Topology, maximumLength: Int64, logger: Logger) {
        self.client = client
        self.topology = topology
        self.maximumLength = maximumLength
        self.logger = logger
    }

    func sendProgress(_ update: ProgressUpdate) async {
        // A blocked broker answers nothing until its alarm is over.
        guard client.state == .connected else { return }
        do {
            if !room.withLock({ $0.spend() }), try await !hasRoom() { return }
            let message = Self.message(update)
            do {
                try await client.publish(message, to: topology.updates.name)
            } catch  where error.code == .unroutable {
                try await client.declare(topology.updates)
                try await client.publish(message, to: topology.updates.name)
            }
        } catch {
            logger.debug("a progress update was dropped", metadata: ["cause": "\(error)"])
        }
    }

    /// Sends an update without waiting for the broker, if it is known that there is room. Updates that are sent later arrive
    /// later.
    ///
    /// - Parameter isNews: whether the update is still the newest of its job: asked when it has to be sent a second time.
    func postProgress(_ update: ProgressUpdate, isNews: @escaping @Sendable () -> Bool) async {
        guard client.state == .connected else { return }
        guard room.withLock({ $0.spend() }) else { return await sendProgress(update) }
        do {
            try client.publish(Self.message(update), to: topology.updates.name) { [self] result in
                guard case .failure(let error) = result else { return }
                if error.code == .unroutable {
                    Task { if isNews() { await sendProgress(update) } }
                } else {
                    logger.debug("a progress update was dropped", metadata: ["cause": "\(error)"])
                }
            }
        } catch {
            logger.debug("a progress update was dropped", metadata: ["cause": "\(error)"])
        }
    }

    /// Asks the broker.
    private func hasRoom() async throws(AMQPError) -> Bool {
        let waiting = try await Int64(client.messageCount(queue: topology.updates.name) ?? 0)
        let isFull = maximumLength > 0 && waiting >= maximumLength
        let left = maximumLength > 0 ? max(maximumLength - waiting, 0) : .max
        let wasFull = room.withLock { room in
            defer { room = Room(isOverfull: isFull, credit: left / Self.shares, validUntil: .now + .seconds(1)) }
            return room.isOverfull
        }
        if isFull != wasFull {
            logger.warning(
                isFull
                    ? "nobody reads the updates queue; progress updates are left out"
                    : "the updates queue is read again",
                metadata: ["queue.name": "\(topology.updates.name)", "messages": "\(waiting)"]
            )
        }
        return !isFull
    }

    static func message(_ update: ProgressUpdate) -> AMQPMessage {
        AMQPMessage(body: update.json.serialized(), messageID: AMQPMessage.fittingMessageID(update.key.id))
    }
}
