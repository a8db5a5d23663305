internal import AMQP
internal import CrashPoints
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import TempFiles
internal import WorkerProtocol

/// Deliveries that are not worked on, and how every delivery ends.
extension JobRunner {
    func meetFinished(
        _ ticket: Ticket,
        _ outcome: JobOutcome,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        if stage == .cleanup, let end = try await tracker.job(ticket.key), end.state == .finished {
            return try await meetEnd(end, ticket, delivery, logger)
        }
        await drop(
            delivery,
            "a duplicate of a finished job was dropped; a new job needs a new id",
            [LogKey.jobOutcome: "\(outcome.rawValue)"],
            logger
        )
    }

    /// Acknowledges a message that has nothing to say any more. For a watch ticket that is the rule.
    func drop(
        _ delivery: JobDelivery,
        _ reason: Logger.Message,
        _ facts: Logger.Metadata,
        _ logger: Logger
    ) async {
        if delivery.isWatchTicket {
            logger.debug("the watch ticket of a job that has moved on was dropped", metadata: facts)
        } else {
            logger.notice(reason, metadata: facts)
            status.update { $0.counters.duplicates += 1 }
        }
        await acknowledge(delivery, logger)
    }

    func readTicket(_ delivery: AMQPDelivery) throws(MessageError) -> Ticket {
        if delivery.isOversized {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(delivery.bodyBytes) bytes, which is too many"
            )
        }
        // Longer ones are not even read.
        guard delivery.body.count <= Ticket.maximumBytes else {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(delivery.body.count) bytes; at most \(Ticket.maximumBytes) are accepted"
            )
        }
        var ticket = try Ticket(parsing: delivery.body, expecting: kind)
        // What comes in leaves room for all that stages add. What they made is read, whatever it has become.
        try ticket.checkLimits(bytes: delivery.body.count)
        // A producer may say it by the message's property alone.
        if ticket.priority == nil, let given = delivery.priority, given > 0 { ticket.priority = Int64(min(given, 9)) }
        return ticket
    }

    /// Takes the start back that `begin` counted, if it still is: what comes back was not the death of a worker.
    func uncount(_ ticket: Ticket, _ starts: Int, _ logger: Logger) async {
        do {
            try await tracker.handBack(ticket.key, stage: stage, hop: ticket.hop, start: starts)
        } catch {
            logger.warning("the start of a handed-back job stays counted", metadata: [LogKey.cause: "\(error)"])
        }
    }

    // MARK: - Settling

    /// A failure to acknowledge loses nothing: the broker delivers again, and the ledger knows the duplicate.
    func acknowledge(_ delivery: JobDelivery, _ logger: Logger) async {
        do {
            try await delivery.acknowledge()
        } catch {
            logger.notice(
                "not acknowledged; the broker will deliver again",
                metadata: [LogKey.cause: "\(error.message)"]
            )
        }
    }

    /// Gives a delivery back to its queue. The only other way there is ``leave(_:_:)``. What comes back can be delivered again at
    /// once, so it waits, longer with each failure in a row, unless the worker drains. A message that fails again and again goes to
    /// the end of its queue, or the others would wait behind it.
    func handBack(_ delivery: JobDelivery, _ logger: Logger) async {
        logger.info(
            delivery.isWatched
                ? "the job is left to its watch ticket, which brings it back to its queue"
                : "the job is handed back to its queue"
        )
        let failures = troubles.next()
        try? await Pause.after(failures: failures)
        let isStuck = failures >= Self.failuresBeforeQueueing && !Task.isCancelled
        await giveBack(delivery, renewingAfter: isStuck ? 0 : topology.layout.returnsBeforeRenewal, logger)
    }

    /// Gives back a delivery that nobody has looked at. Its subscription is given up until there is time for it: that is the pause.
    func leave(_ delivery: JobDelivery, _ logger: Logger) async {
        await giveBack(delivery, renewingAfter: topology.layout.returnsBeforeRenewal, logger)
    }

    private func giveBack(_ delivery: JobDelivery, renewingAfter limit: Int64, _ logger: Logger) async {
        do {
            try await delivery.giveBack(by: publisher.client, renewingAfter: limit)
        } catch {
            logger.notice("not handed back; the broker does it itself", metadata: [LogKey.cause: "\(error.message)"])
        }
    }

    private static let failuresBeforeQueueing = 3
}
