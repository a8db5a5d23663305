internal import AMQP
internal import JobModel
internal import Logging
internal import Queues

/// Publishes until the broker has it. A lost connection is waited out; a missing queue is declared again.
struct Publisher: Sendable {
    let transport: any MessageTransport
    let topology: Topology
    let clock: any RuntimeClock
    let logger: Logger

    /// Publishes a message and returns once the broker confirmed it.
    ///
    /// - Throws: `CancellationError` when the worker drains while the broker is away, or an `AMQPError` that will not
    ///   go away.
    func publish(_ message: AMQPMessage, to queue: AMQPQueue) async throws {
        try await publish(to: queue) { () throws(AMQPError) in try await transport.publish(message, to: queue.name) }
    }

    /// Publishes the first of a message's copies for which there is room.
    ///
    /// - Throws: as ``publish(_:to:)``.
    func publish(firstFitting copies: [AMQPMessage], to queue: AMQPQueue) async throws {
        try await publish(to: queue) { () throws(AMQPError) in
            try await transport.publish(firstFitting: copies, to: queue.name)
        }
    }

    /// Publishes a ticket, or the first of a message's copies for which there is room, to another host's queue.
    ///
    /// - Returns: false when there is no such queue. It is not declared: a host declares its own before it claims
    ///   anything, so there is no such host, and nobody would read what is put there.
    func publish(_ ticket: Ticket, toOther queue: AMQPQueue) async throws -> Bool {
        try await isPublished { try await publish(ticket, to: queue, declares: false) }
    }

    /// As ``publish(_:toOther:)``.
    func publish(firstFitting copies: [AMQPMessage], toOther queue: AMQPQueue) async throws -> Bool {
        try await isPublished {
            try await publish(to: queue, declares: false) { () throws(AMQPError) in
                try await transport.publish(firstFitting: copies, to: queue.name)
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
                try await clock.pause(afterFailures: failures)
            }
        }
        return false
    }

    /// Publishes a ticket. Every try has a transfer token of its own, since one that was not confirmed may have
    /// arrived.
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
            var message = try AMQPMessage(transferring: ticket)
            message.type = type
            try await transport.publish(message, to: queue.name)
        }
    }

    /// Publishes a ticket in the place of the message that it came from, in one transaction: the job is in one of the
    /// two queues, never in none or both.
    ///
    /// Returns as well when the broker has not answered: then it knows what happened, and delivers the message again if
    /// nothing did.
    ///
    /// - Parameter delivery: of a transactional consumer.
    /// - Throws: as ``publish(_:to:type:declares:)``. The delivery is unsettled then.
    func move(_ delivery: any ReceivedMessage, as ticket: Ticket, to queue: AMQPQueue) async throws {
        var failures = 0
        while true {
            let message = try AMQPMessage(transferring: ticket)
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
                    try await topology.declare(queue, on: transport, logger: logger)
                case _ where error.isRetriable:
                    logger.log(
                        level: failures == 1 ? .warning : .debug,
                        "not moved to another queue, trying again until it is",
                        metadata: ["queue.name": "\(queue.name)", "cause": "\(error.message)"]
                    )
                default: throw error
                }
                try await clock.pause(afterFailures: failures)
            }
        }
    }

    private func publish(
        to queue: AMQPQueue,
        declares: Bool = true,
        _ send: () async throws -> Void
    ) async throws {
        var failures = 0
        while true {
            try await transport.waitUntilConnected()
            do {
                return try await send()
            } catch let error as AMQPError {
                failures += 1
                if error.code == .unroutable, !declares { throw error }
                if error.code == .unroutable, failures <= 3 {
                    logger.warning("the queue is gone; declaring it again", metadata: ["queue.name": "\(queue.name)"])
                    try await topology.declare(queue, on: transport, logger: logger)
                } else if error.isRetriable || error.code == .unroutable {
                    logger.log(
                        level: failures == 1 ? .warning : .debug,
                        "not confirmed, publishing again until it is",
                        metadata: ["queue.name": "\(queue.name)", "cause": "\(error.message)"]
                    )
                    try await clock.pause(afterFailures: failures)
                } else {
                    throw error
                }
            }
        }
    }
}
