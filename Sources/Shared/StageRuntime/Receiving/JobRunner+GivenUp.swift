internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import Settings

extension JobRunner {
    /// Why a job failed whose message a quorum queue has given up.
    static let deliveryLimitCode = "delivery_limit"

    /// The ticket as this stage has to take it. Clean-up gets the messages that the other stages' quorum queues have given up:
    /// whatever the job was about to do, it ends here. It keeps its `hop`, so a job that has moved on meanwhile stays untouched.
    func received(_ ticket: Ticket, from message: AMQPDelivery) -> Ticket {
        guard stage == .cleanup, let queue = message.givenUpBy, let origin = topology.stage(ofQueue: queue),
            origin != .cleanup
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
            occurredAt: Timestamp.string(Date()),
            host: HostName.current
        )
        return givenUp
    }
}
