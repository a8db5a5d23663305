internal import AMQP
internal import JobModel
internal import Logging

/// Publishes until the broker has it. A lost connection is waited out; a missing queue is declared again.
struct Publisher: Sendable {
    let client: AMQPClient
    let topology: Topology
    let logger: Logger

    /// Returns once the broker confirmed the message.
    ///
    /// - Throws: `CancellationError` when the worker drains while the broker is away, or an `AMQPError` that will not go away.
    func publish(_ message: AMQPMessage, to queue: AMQPQueue) async throws {
        var undeliverable = 0
        while true {
            try await client.waitUntilConnected()
            do {
                try await client.publish(message, to: queue.name)
                return
            } catch let error {
                if error.code == .unroutable, undeliverable < 3 {
                    undeliverable += 1
                    logger.warning("the queue is gone; declaring it again", metadata: ["queue.name": "\(queue.name)"])
                    try await topology.declare(queue, on: client, logger: logger)
                } else if error.isRetriable {
                    logger.warning(
                        "not confirmed, publishing again",
                        metadata: ["queue.name": "\(queue.name)", "cause": "\(error.message)"]
                    )
                    try Task.checkCancellation()
                } else {
                    throw error
                }
            }
        }
    }

    func publish(_ ticket: Ticket, to queue: AMQPQueue) async throws {
        try await publish(Self.message(ticket), to: queue)
    }

    static func message(_ ticket: Ticket) -> AMQPMessage {
        AMQPMessage(
            body: ticket.json.serialized(),
            messageID: messageID(ticket.id),
            priority: ticket.priority.flatMap { UInt8(exactly: $0) }
        )
    }

    /// A message property holds 255 bytes at most; an id may have 128 characters of 4.
    static func messageID(_ id: String) -> String? { id.utf8.count <= 255 ? id : nil }
}
