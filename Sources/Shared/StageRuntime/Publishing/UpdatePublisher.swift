internal import AMQP
internal import JobModel
internal import Logging
internal import Queues
internal import Synchronization

/// Sends progress updates. They are news, not state: one that cannot be sent now is dropped, and none is sent while the
/// queue is full. The supervisor drops the oldest ones of a queue that fills up.
final class UpdatePublisher: Sendable {
    private let transport: any MessageTransport
    private let topology: Topology
    /// 0: no limit.
    private let maximumLength: Int64
    private let clock: any RuntimeClock
    private let logger: Logger
    private let room: Mutex<Room>

    /// The known room of the queue. The broker is not asked for every update: a look costs as much as an update.
    private struct Room {
        var isOverfull = false
        /// Updates that may go before the next look, which is due anyway when this time is over.
        var credit: Int64 = 0
        var validUntil: ContinuousClock.Instant

        mutating func spend(_ now: ContinuousClock.Instant) -> Bool {
            guard credit > 0, now < validUntil else { return false }
            credit -= 1
            return true
        }
    }

    /// So many workers may share the room that each of them sees.
    private static let shares: Int64 = 16

    init(
        transport: any MessageTransport,
        topology: Topology,
        maximumLength: Int64,
        clock: any RuntimeClock,
        logger: Logger
    ) {
        self.transport = transport
        self.clock = clock
        room = Mutex(Room(validUntil: clock.now))
        self.topology = topology
        self.maximumLength = maximumLength
        self.logger = logger
    }

    func sendProgress(_ update: ProgressUpdate) async {
        // A blocked broker answers nothing until its alarm is over.
        guard transport.state == .connected else { return }
        do {
            if !room.withLock({ $0.spend(clock.now) }), try await !hasRoom() { return }
            let message = AMQPMessage(update)
            do {
                try await transport.publish(message, to: topology.updates.name)
            } catch  where error.code == .unroutable {
                try await transport.declare(topology.updates)
                try await transport.publish(message, to: topology.updates.name)
            }
        } catch {
            logger.debug("a progress update was dropped", metadata: ["cause": "\(error)"])
        }
    }

    /// Sends an update without waiting for the broker, if it is known that there is room. Updates that are sent later
    /// arrive later.
    ///
    /// - Parameter isNews: whether the update is still the newest of its job: asked when it has to be sent a second
    ///   time.
    func postProgress(_ update: ProgressUpdate, isNews: @escaping @Sendable () -> Bool) async {
        guard transport.state == .connected else { return }
        guard room.withLock({ $0.spend(clock.now) }) else { return await sendProgress(update) }
        do {
            try transport.publish(AMQPMessage(update), to: topology.updates.name) { [self] result in
                guard case .failure(let error) = result else { return }
                if error.code == .unroutable {
                    // The client's callback waits for nobody. The publish is bounded by the client's own time limit,
                    // and ends with the connection when the process drains.
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
        let waiting = try await Int64(transport.messageCount(queue: topology.updates.name) ?? 0)
        let isFull = maximumLength > 0 && waiting >= maximumLength
        let left = maximumLength > 0 ? max(maximumLength - waiting, 0) : .max
        let wasFull = room.withLock { room in
            defer { room = Room(isOverfull: isFull, credit: left / Self.shares, validUntil: clock.now + .seconds(1)) }
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
}
