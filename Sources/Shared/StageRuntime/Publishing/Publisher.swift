internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import Logging

/// Publishes until the broker has it. A lost connection is waited out; a missing queue is declared again.
struct Publisher: Sendable {
    let client: AMQPClient
    let topology: Topology
    let logger: Logger

    /// Publishes a message and returns once the broker confirmed it.
    ///
    /// - Throws: `CancellationError` when the worker drains while the broker is away, or an `AMQPError` that will not go away.
    func publish(_ message: AMQPMessage, to queue: AMQPQueue) async throws {
        try await publish(to: queue) { () throws(AMQPError) in try await client.publish(message, to: queue.name) }
    }

    /// Publishes the first of a message's copies for which there is room.
    ///
    /// - Throws: as ``publish(_:to:)``.
    func publish(firstFitting copies: [AMQPMessage], to queue: AMQPQueue) async throws {
        try await publish(to: queue) { () throws(AMQPError) in
            try await client.publish(firstFitting: copies, to: queue.name)
        }
    }

    /// Publishes a ticket, or the first of a message's copies for which there is room, to another host's queue.
    ///
    /// - Returns: false when there is no such queue. It is not declared: a host declares its own before it claims anything, so there is
    ///   no such host, and nobody would read what is put there.
    func publish(_ ticket: Ticket, toOther queue: AMQPQueue) async throws -> Bool {
        try await isPublished { try await publish(ticket, to: queue, declares: false) }
    }

    /// As ``publish(_:toOther:)``.
    func publish(firstFitting copies: [AMQPMessage], toOther queue: AMQPQueue) async throws -> Bool {
        try await isPublished {
            try await publish(to: queue, declares: false) { () throws(AMQPError) in
                try await client.publish(firstFitting: copies, to: queue.name)
            }
        }
    }

    /// A queue that was deleted is there again as soon as its host has heard of it.
    private func isPublished(_ publish: () async throws -> Void) async throws -> Bool {
        for failures in 1...3 {
            do {
                try await publish()
                return true
            } catch let error as AMQPError where error.code == .unroutable {
                try await Pause.after(failures: failures)
            }
        }
        return false
    }

    /// Publishes a ticket. Every try has a transfer token of its own, since one that was not confirmed may have arrived.
    ///
    /// - Parameters:
    ///   - type: The AMQP `type` of the message.
    ///   - declares: whether a queue that is missing is declared. If not, `unroutable` is thrown.
    /// - Throws: also ``TicketTooLong``.
    func publish(
        _ ticket: Ticket,
        to queue: AMQPQueue,
        type: AMQPText? = nil,
        declares: Bool = true
    ) async throws {
        try await publish(to: queue, declares: declares) {
            var message = try Self.transfer(ticket)
            message.type = type
            try await client.publish(message, to: queue.name)
        }
    }

    /// Publishes a ticket in the place of the message that it came from, in one transaction: the job is in one of the two
    /// queues, never in none or both.
    ///
    /// Returns as well when the broker has not answered: then it knows what happened, and delivers the message again if nothing
    /// did.
    ///
    /// - Parameter delivery: of a transactional consumer.
    /// - Throws: as ``publish(_:to:type:)``. The delivery is unsettled then.
    func move(_ delivery: AMQPDelivery, as ticket: Ticket, to queue: AMQPQueue) async throws {
        var failures = 0
        while true {
            let message = try Self.transfer(ticket)
            do throws(AMQPError) {
                return try await delivery.acknowledge(publishing: [(message, queue.name)])
            } catch {
                failures += 1
                switch error.code {
                case .unconfirmed, .staleDelivery, .alreadySettled, .closed:
                    return logger.notice(
                        "not known to be moved to another queue; the broker delivers again if it is not",
                        metadata: ["queue.name": "\(queue.name)", "cause": "\(error.message)"]
                    )
                case .unroutableAfterCommit:
                    // Only this process has it now.
                    return try await publish(ticket, to: queue)
                case .unroutable:
                    logger.warning("the queue is gone; declaring it again", metadata: ["queue.name": "\(queue.name)"])
                    try await topology.declare(queue, on: client, logger: logger)
                case _ where error.isRetriable:
                    logger.log(
                        level: failures == 1 ? .warning : .debug,
                        "not moved to another queue, trying again until it is",
                        metadata: ["queue.name": "\(queue.name)", "cause": "\(error.message)"]
                    )
                default: throw error
                }
                try await Pause.after(failures: failures)
            }
        }
    }

    /// Every publish of a ticket has a token of its own.
    private static func transfer(_ ticket: Ticket) throws(TicketTooLong) -> AMQPMessage {
        var ticket = ticket
        ticket.transfer = UUID().uuidString
        let message = message(ticket)
        // The next stage would not accept it.
        if message.body.count > Ticket.maximumBytes { throw TicketTooLong(sizeBytes: message.body.count) }
        return message
    }

    private func publish(
        to queue: AMQPQueue,
        declares: Bool = true,
        _ send: () async throws -> Void
    ) async throws {
        var failures = 0
        while true {
            try await client.waitUntilConnected()
            do {
                return try await send()
            } catch let error as AMQPError {
                failures += 1
                if error.code == .unroutable, !declares { throw error }
                if error.code == .unroutable, failures <= 3 {
                    logger.warning("the queue is gone; declaring it again", metadata: ["queue.name": "\(queue.name)"])
                    try await topology.declare(queue, on: client, logger: logger)
                } else if error.isRetriable || error.code == .unroutable {
                    logger.log(
                        level: failures == 1 ? .warning : .debug,
                        "not confirmed, publishing again until it is",
                        metadata: ["queue.name": "\(queue.name)", "cause": "\(error.message)"]
                    )
                    try await Pause.after(failures: failures)
                } else {
                    throw error
                }
            }
        }
    }

    static func message(_ ticket: Ticket) -> AMQPMessage {
        AMQPMessage(
            body: ticket.json.serialized(),
            messageID: AMQPMessage.fittingMessageID(ticket.id),
            priority: UInt8(clamping: ticket.priority ?? 0)
        )
    }
}

/// A job's message would be longer than any stage accepts.
struct TicketTooLong: Error, CustomStringConvertible {
    static let code = "message_too_long"

    var sizeBytes: Int

    var description: String {
        "the job's message would have \(sizeBytes) bytes; at most \(Ticket.maximumBytes) are passed on. "
            + "Make fewer outputs, or send less with the job"
    }
}
