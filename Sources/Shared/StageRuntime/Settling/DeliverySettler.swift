internal import AMQP
internal import CrashPoints
internal import JobModel
internal import Logging
internal import Queues
internal import WorkerProtocol

/// How every delivery ends: acknowledged, or given back to its queue.
struct DeliverySettler: Sendable {
    let place: Workplace

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

    /// Acknowledges a message that has nothing to say any more. For a watch ticket that is the rule.
    func drop(_ job: ReceivedJob, _ reason: Logger.Message, _ facts: Logger.Metadata) async {
        if job.delivery.isWatchTicket {
            job.logger.debug("the watch ticket of a job that has moved on was dropped", metadata: facts)
        } else {
            job.logger.notice(reason, metadata: facts)
            place.status.update { $0.counters.duplicates += 1 }
        }
        await acknowledge(job.delivery, job.logger)
    }

    /// Drops a message of a job that has ended and of which there is nothing more to say.
    func dropFinished(_ job: ReceivedJob, _ outcome: JobOutcome?) async {
        await drop(
            job,
            "a duplicate of a finished job was dropped; a new job needs a new id",
            [LogKey.jobOutcome: "\(outcome?.rawValue ?? "")"]
        )
    }

    /// Has a copy of the message come back later as a watch ticket, and acknowledges the message.
    ///
    /// - Throws: as ``Publisher/publish(_:to:type:declares:)``. The message is unsettled then.
    func park(_ job: ReceivedJob) async throws {
        try await place.publisher.publish(job.ticket, to: place.watchQueue, type: JobDelivery.watchType)
        CrashPoint.watchParked.cross()
        await acknowledge(job.delivery, job.logger)
    }

    /// Gives a delivery back to its queue. The only other way there is ``leave(_:_:)``. A message that was given back
    /// can be delivered again at once, so it waits before, longer with each failure in a row, unless the worker drains.
    /// A message that fails again and again goes to the end of its queue, or the others would wait behind it.
    func handBack(_ delivery: JobDelivery, _ logger: Logger) async {
        logger.info(
            delivery.isWatched
                ? "the job is left to its watch ticket, which brings it back to its queue"
                : "the job is handed back to its queue"
        )
        let failures = place.troubles.next()
        try? await place.clock.pause(afterFailures: failures)
        let isStuck = failures >= Self.failuresBeforeQueueing && !Task.isCancelled
        await giveBack(delivery, renewingAfter: isStuck ? 0 : place.topology.layout.returnsBeforeRenewal, logger)
    }

    /// Gives back a delivery that nobody has looked at. Its subscription is given up until there is time for it: that
    /// is the pause.
    func leave(_ delivery: JobDelivery, _ logger: Logger) async {
        await giveBack(delivery, renewingAfter: place.topology.layout.returnsBeforeRenewal, logger)
    }

    private func giveBack(_ delivery: JobDelivery, renewingAfter limit: Int64, _ logger: Logger) async {
        do {
            try await delivery.giveBack(renewingAfter: limit)
        } catch {
            logger.notice("not handed back; the broker does it itself", metadata: [LogKey.cause: "\(error.message)"])
        }
    }

    private static let failuresBeforeQueueing = 3
}
