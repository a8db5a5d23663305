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
    private let isOverfull = Mutex(false)

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
            let waiting = try await client.messageCount(queue: topology.updates.name)
            let isFull = maximumLength > 0 && Int64(waiting ?? 0) >= maximumLength
            let wasFull = isOverfull.withLock { state in
                defer { state = isFull }
                return state
            }
            if isFull != wasFull {
                logger.warning(
                    isFull
                        ? "nobody reads the updates queue; progress updates are left out"
                        : "the updates queue is read again",
                    metadata: ["queue.name": "\(topology.updates.name)", "messages": "\(waiting ?? 0)"]
                )
            }
            if isFull { return }
            if waiting == nil { try await client.declare(topology.updates) }
            try await client.publish(Self.message(update), to: topology.updates.name)
        } catch {
            logger.debug("a progress update was dropped", metadata: ["cause": "\(error.message)"])
        }
    }

    static func message(_ update: ProgressUpdate) -> AMQPMessage {
        AMQPMessage(body: update.json.serialized(), messageID: AMQPMessage.fittingMessageID(update.key.id))
    }
}
