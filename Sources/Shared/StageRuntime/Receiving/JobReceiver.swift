internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import Queues

/// The first step of a run: reads the ticket from a message, or settles a message that is not worked on here.
struct JobReceiver: Sendable {
    let place: Workplace
    var deliveries: DeliverySettler { DeliverySettler(place: place) }

    /// Reads a message of the worker's own queue.
    ///
    /// - Returns: nil when the message is no job. It is refused then.
    func receive(_ delivery: JobDelivery) async -> ReceivedJob? {
        do {
            return ReceivedJob(try readTicket(delivery.message), delivery, logger: place.logger)
        } catch {
            await refuse(delivery, reason: error)
            return nil
        }
    }

    /// - Throws: why the message is no job.
    func readTicket(_ message: any ReceivedMessage) throws(MessageError) -> Ticket {
        let ticket = try Ticket(
            message: message.body,
            of: place.kind,
            wholeBytes: message.isOversized ? message.bodyBytes : nil,
            priority: message.priority
        )
        return withGivenUpMarked(ticket, message)
    }

    /// Why a job failed whose message a quorum queue has given up.
    static let deliveryLimitCode = "delivery_limit"

    /// The ticket as this stage has to take it. Clean-up gets the messages that the other stages' quorum queues have
    /// given up: whatever the job was about to do, it ends here. It keeps its `hop`, so a job that has moved on
    /// meanwhile stays untouched.
    private func withGivenUpMarked(_ ticket: Ticket, _ message: any ReceivedMessage) -> Ticket {
        guard place.stage.traits.takesGivenUpMessages, let queue = message.givenUpBy,
            let origin = place.topology.stage(ofQueue: queue), origin != place.stage
        else { return ticket }
        var givenUp = ticket
        givenUp.attempt = 0
        givenUp.previousPhase = origin.working
        givenUp.phase = .cleanup
        givenUp.outcome = .failed
        givenUp.failure = JobFailure(
            stage: origin,
            code: Self.deliveryLimitCode,
            message: "the broker gave up the job's message, which \(queue) had delivered more often than its "
                + "x-delivery-limit allows; look for crashes of workers and lost connections in the log",
            occurredAt: place.clock.timestamp,
            host: place.host
        )
        return givenUp
    }

    /// Why the message of a job is not taken whose id another one has.
    static func usedID(_ ticket: Ticket) -> MessageError {
        MessageError(
            code: .usedID,
            message: "its id is that of a job that asks for something else; a new job needs a new id",
            of: ticket
        )
    }
}
