internal import AMQP
internal import CrashPoints
internal import JobModel
internal import Logging
internal import Synchronization

/// The message of the job that a worker has, and what takes its place when the work takes long.
///
/// A broker does not let a consumer hold a delivery for ever (`consumer_timeout`), and its limit is not ours to set. So after
/// a while a *watch ticket*, a copy of the ticket, is published to a delay queue, and the delivery is acknowledged. Whenever
/// the watch ticket comes back, it tells what became of the job: if somebody holds the job's lease, it is parked again; if the
/// job has moved on, it is dropped; if nobody holds the lease, the worker has died, and the job goes on from the watch ticket.
final class JobDelivery: Sendable {
    /// The AMQP `type` of a watch ticket's message.
    static let watchType: AMQPText = "watch"

    let message: AMQPDelivery
    /// Where it came from; nil for a message that is not worked on.
    private let intake: JobIntake?
    /// Whether its queue is shared with other hosts: the subscription is given up before the message is settled, as the next one is
    /// for whoever has time for it. No earlier: when a node of the broker dies, a quorum queue holds on to what a subscription that
    /// was given up had unsettled, until that node is back.
    private let isShared: Bool
    private let isReplaced = Atomic(false)
    private let mayHaveCopy = Atomic(false)

    init(_ message: AMQPDelivery, intake: JobIntake? = nil, isShared: Bool = false) {
        self.message = message
        self.intake = intake
        self.isShared = isShared
    }

    var isWatchTicket: Bool { message.type == Self.watchType }

    /// Whether a watch ticket will bring the job back, whatever becomes of this worker.
    var isWatched: Bool { isReplaced.load(ordering: .acquiring) }

    /// Whether a watch ticket of the same hop may be about: published, or sent and not confirmed.
    var mayBeWatched: Bool { mayHaveCopy.load(ordering: .acquiring) }

    /// Has a watch ticket take the delivery's place once it was held for `patience`. Runs beside the work until cancelled.
    func watch(
        _ ticket: Ticket,
        after patience: Duration,
        by publisher: Publisher,
        in queue: AMQPQueue,
        _ logger: Logger
    ) async {
        do {
            try await Task.sleep(until: message.receivedAt + patience, clock: .continuous)
            // With this delivery acknowledged the broker would send the next one, which nobody here would look at.
            await intake?.pause()
            mayHaveCopy.store(true, ordering: .releasing)
            try await publisher.publish(ticket, to: queue, type: Self.watchType)
            isReplaced.store(true, ordering: .releasing)
            CrashPoint.watchConfirmed.cross()
            try await message.acknowledge()
            CrashPoint.watchAcknowledged.cross()
            logger.info("the job takes long: its message is acknowledged and a watch ticket stands in for it")
        } catch is CancellationError {
            return
        } catch {
            // Without a watch ticket the broker still has the message. With one, a second message does no harm.
            logger.notice("the message of a long job stays unacknowledged", metadata: [LogKey.cause: "\(error)"])
        }
    }

    /// Tells the broker that the message is done.
    ///
    /// - Throws: as ``AMQPDelivery/acknowledge()``.
    func acknowledge() async throws(AMQPError) {
        if isShared { await intake?.pause() }
        do {
            try await message.acknowledge()
        } catch  where error.code == .alreadySettled && isWatched {
            return
        }
    }

    /// Gives the job back: to its queue, or to the watch ticket that brings it there.
    ///
    /// - Throws: as ``AMQPDelivery/giveBack(by:renewingAfter:)``.
    func giveBack(by client: AMQPClient, renewingAfter limit: Int64) async throws(AMQPError) {
        if isShared { await intake?.pause() }
        guard isWatched else { return try await message.giveBack(by: client, renewingAfter: limit) }
        try await acknowledge()
    }
}
