internal import AMQP
internal import CrashPoints
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import ServiceKit
internal import TempFiles

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

    /// Puts a message that is no job where an operator finds it, bytes unchanged, reason beside.
    func bury(_ delivery: JobDelivery, reason: MessageError) async {
        var reasons: [String: AMQPValue] = [:]
        reasons["x-reason"] = .string(reason.message)
        reasons["x-reason-code"] = .string(reason.code.rawValue)
        reasons["x-stage"] = .string(stage.rawValue)
        reasons["x-queue"] = .string(delivery.message.queue)
        reasons["x-failed-at"] = .string(Timestamp.string(Date()))
        reasons["x-job-id"] = reason.jobID.map { .string($0.string) }
        var letter = AMQPMessage(
            body: delivery.message.body,
            messageID: delivery.message.messageID,
            contentType: delivery.message.contentType,
            headers: delivery.message.headers.merging(reasons) { $1 }
        )
        logger.error(
            "an unreadable message goes to the dead letters",
            metadata: [
                LogKey.queueName: "\(topology.dead.name)", LogKey.cause: "\(reason.message)",
                LogKey.jobID: "\(reason.jobID?.string ?? delivery.message.messageID ?? "unknown")",
            ]
        )
        do {
            do {
                try await publisher.publish(letter, to: topology.dead)
            } catch let error as AMQPError where error.code == .invalidArgument {
                // The message's own headers leave no room for the reason.
                letter.headers = reasons
                try await publisher.publish(letter, to: topology.dead)
            }
            CrashPoint.deadLetterConfirmed.cross()
            status.update { $0.counters.rejected += 1 }
            await acknowledge(delivery, logger)
        } catch {
            logger.error(
                "the dead letter was not published; the message stays in its queue",
                metadata: [LogKey.cause: "\(error)"]
            )
            await reject(delivery, logger)
        }
    }

    func readTicket(_ delivery: AMQPDelivery) throws(MessageError) -> Ticket {
        if delivery.isOversized {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(delivery.bodyBytes) bytes, which is too many"
            )
        }
        var ticket = try Ticket(parsing: delivery.body, expecting: kind)
        // What comes in leaves room for all that stages add. What they made is read, whatever it has become.
        let limit = ticket.isFromOutside ? Ticket.maximumEntryBytes : Ticket.maximumBytes
        guard delivery.body.count <= limit else {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(delivery.body.count) bytes; at most \(limit) are accepted",
                jobID: ticket.id
            )
        }
        // A producer may say it by the message's property alone.
        if ticket.priority == nil, let given = delivery.priority, given > 0 { ticket.priority = Int64(min(given, 9)) }
        return ticket
    }

    /// Takes the start back that `begin` counted: what comes back was not the death of a worker.
    func uncount(_ ticket: Ticket, _ logger: Logger) async {
        do {
            try await tracker.handBack(ticket.key, stage: stage, hop: ticket.hop)
        } catch {
            logger.warning("the start of a handed-back job stays counted", metadata: [LogKey.cause: "\(error)"])
        }
    }

    func handBack(_ delivery: JobDelivery, _ logger: Logger) async {
        logger.info(
            delivery.isWatched
                ? "the job is left to its watch ticket, which brings it back to its queue"
                : "the job is handed back to its queue"
        )
        await reject(delivery, logger)
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

    func reject(_ delivery: JobDelivery, _ logger: Logger) async {
        do {
            try await delivery.giveBack(by: publisher.client, renewingAfter: topology.layout.returnsBeforeRenewal)
        } catch {
            logger.notice("not handed back; the broker does it itself", metadata: [LogKey.cause: "\(error.message)"])
        }
    }
}
