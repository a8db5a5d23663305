internal import AMQP
internal import CrashPoints
internal import FoundationEssentials
internal import JobModel
internal import JobStore
internal import Logging
internal import Queues
internal import Settings
internal import Synchronization
internal import TempFiles

/// Makes jobs of the objects that appear in buckets: takes the messages of the queue that the buckets' notifications
/// are bound to (`S3_EVENTS_QUEUE`), and puts jobs into the download queues.
///
/// The order of its durable steps:
///
/// 1. Every job of a message is published and confirmed. Its id is made of the event, so a second message of it is
///    known as a duplicate by the ledger of the host that has it, and by the claims of several hosts.
/// 2. The message is acknowledged. Killed before that, the next supervisor does step 1 again.
///
/// A message that is no event becomes a dead letter instead. No message is given back to the queue: while jobs cannot be
/// published, it is held. The queue is somebody else's, so it is neither declared nor written to; see
/// docs/decisions/0032-jobs-from-bucket-events.md.
final class BucketEvents: MaintenanceService {
    /// Messages that are held at a time, of ``EventMessage/maximumBytes`` each.
    private static let prefetch: UInt16 = 16
    /// The dead letters of messages that have no kind are among those of this one.
    private static let deadLetterKind = MediaKind.video
    /// Jobs of one source that are looked at for the order of events.
    private static let maximumJobsOfSource = 20
    private static let backoff = BackoffPolicy(initial: .milliseconds(500), maximum: .seconds(30))

    private struct State {
        var counts = BucketEventCounts()
        /// Why the queue cannot be consumed.
        var subscription: String?
        /// Why jobs cannot be published.
        var publishing: String?
        var order = EventOrder()

        var problem: String? { subscription ?? publishing }
    }

    private let state = Mutex(State())
    private let queue: String
    private let queues: QueueLayout
    private let tracker: TempFileTracker
    private let broker: BrokerLink
    private let current: @Sendable () async -> Settings
    private let logger: Logger

    /// nil without `S3_EVENTS_QUEUE`.
    ///
    /// - Parameter current: the settings in effect.
    init?(
        _ settings: Settings,
        tracker: TempFileTracker,
        broker: BrokerLink,
        current: @escaping @Sendable () async -> Settings,
        logger: Logger
    ) {
        guard let queue = settings.eventsQueue else { return nil }
        self.queue = queue
        queues = settings.queueLayout
        self.tracker = tracker
        self.broker = broker
        self.current = current
        self.logger = logger
    }

    var status: BucketEventStatus {
        state.withLock { BucketEventStatus(queue: queue, problem: $0.problem, counts: $0.counts) }
    }

    /// Runs until the task is cancelled. A message that is in work then stays in its queue.
    func run() async {
        while !Task.isCancelled {
            if let client = await broker.link { await consume(client) }
            // The connection was replaced by one to another broker.
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func consume(_ client: AMQPClient) async {
        let consumer: AMQPConsumer
        do throws(AMQPError) {
            consumer = try client.consume(
                AMQPQueue(queue),
                prefetch: Self.prefetch,
                declaring: false,
                maximumBodyBytes: EventMessage.maximumBytes,
                trouble: { [weak self] in self?.noteSubscription($0) }
            )
        } catch {
            return noteSubscription(error)
        }
        for await delivery in consumer {
            do {
                try await settle(delivery, client)
            } catch is CancellationError {
                // Back in its place for the next one who reads the queue.
                try? await delivery.reject(requeue: true)
            } catch {
                // The broker delivers it again.
                logger.warning(
                    "a bucket's event was not acknowledged; it comes again",
                    metadata: [LogKey.queueName: "\(queue)", LogKey.cause: "\(error)"]
                )
            }
        }
        await consumer.stop()
    }

    // MARK: - One message

    private func settle(_ delivery: AMQPDelivery, _ client: AMQPClient) async throws {
        do {
            for record in try message(delivery).records { try await take(record, client) }
        } catch let reason as MessageError {
            try await refuse(delivery, reason, client)
        }
        try await delivery.acknowledge()
        state.withLock { $0.counts.messages += 1 }
    }

    private func message(_ delivery: AMQPDelivery) throws(MessageError) -> EventMessage {
        if delivery.isOversized {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(delivery.bodyBytes) bytes; at most \(EventMessage.maximumBytes) of a "
                    + "bucket's event are read"
            )
        }
        return try EventMessage(parsing: delivery.body)
    }

    private func take(_ record: EventMessage.Record, _ client: AMQPClient) async throws {
        let jobs: EventJobs
        do {
            jobs = try EventJobs(await current())
        } catch {
            // A reload may have left out the only bucket. The events are not to be lost for that.
            try await persistently(client) { throw error }
            return
        }
        let verdict = jobs.verdict(record)
        guard case .job(let job) = verdict, case .created(let event) = record else {
            if case .dropped(let reason, let detail) = verdict { drop(record, reason, detail) }
            return
        }
        if let reason = await known(job.ticket, event) {
            return drop(
                record,
                reason,
                reason == .duplicate
                    ? "its job \(job.ticket.id) is known" : "a later version of the object has made a job"
            )
        }
        do {
            try await persistently(client) { [queues] in
                try await client.publish(job, declaring: queues.entry(job.ticket.kind))
            }
        } catch let error as AMQPError where error.code == .invalidArgument {
            throw MessageError(code: .tooLarge, message: "its job cannot be sent: \(error.message)")
        }
        CrashPoint.eventJobConfirmed.cross()
        state.withLock { state in
            state.counts.jobs += 1
            state.order.note(event)
        }
        logger.info(
            "an object has made a job",
            metadata: [
                LogKey.jobID: "\(job.ticket.id)", LogKey.jobKind: "\(job.ticket.kind.rawValue)",
                "object.bucket": "\(event.bucket.string.shown)", "object.key": "\(Self.shown(event.key))",
            ]
        )
    }

    /// Why the event makes no further job; nil when nobody here knows of one. A ledger that cannot be read knows
    /// nothing: a second message of the job is found out when a worker takes it.
    private func known(_ ticket: Ticket, _ event: BucketEvent) async -> EventVerdict.Reason? {
        // A row without a stage is a wish to cancel the job, which its message has to meet.
        let records = (try? await tracker.jobs.jobs(id: ticket.id)) ?? []
        if records.contains(where: { $0.stage != nil }) { return .duplicate }
        if queues.names.node != nil {
            let claimant = try? await tracker.jobs.claimant(of: ticket.key, redrives: 0, hop: 0)
            if claimant != nil { return .duplicate }
        }
        if state.withLock({ $0.order.isOutdated(event) }) { return .outdated }
        guard let sequencer = event.sequencer, let source = ticket.sourceText else { return nil }
        let tickets = try? await tracker.jobs.tickets(ofSource: source, limit: Self.maximumJobsOfSource)
        let isOutdated = (tickets ?? []).contains { bytes in
            EventFacts.sequencer(ofTicket: bytes).map { sequencer.isOlder(than: $0) } ?? false
        }
        return isOutdated ? .outdated : nil
    }

    private func drop(_ record: EventMessage.Record, _ reason: EventVerdict.Reason, _ detail: String) {
        state.withLock { $0.counts.drop(reason) }
        var facts: Logger.Metadata = [LogKey.reason: "\(reason.rawValue)", LogKey.cause: "\(detail)"]
        if case .created(let event) = record {
            facts["object.bucket"] = "\(event.bucket.string.shown)"
            facts["object.key"] = "\(Self.shown(event.key))"
        }
        // Each of our own outputs comes by here.
        let level: Logger.Level =
            switch reason {
            case .otherEvent, .begun, .ownOutput, .ignored: .debug
            case .foreignBucket, .unusableKey, .noRule, .duplicate, .outdated: .info
            }
        logger.log(level: level, "no job is made of a bucket's event", metadata: facts)
    }

    /// For people: one line, not endless.
    private static func shown(_ key: [UInt8]) -> String {
        String(decoding: key.prefix(1200), as: UTF8.self).clipped(toBytes: 300).shown
    }

    // MARK: - Messages that are no events

    /// Puts a message among the dead letters, bytes unchanged, reason beside.
    private func refuse(_ delivery: AMQPDelivery, _ reason: MessageError, _ client: AMQPClient) async throws {
        let dead = queues.dead(Self.deadLetterKind)
        let letters = delivery.copies(setting: [
            "x-reason": .string(AMQPText(reason.message.clipped(toBytes: 1024))),
            "x-reason-code": .string(AMQPText(reason.code.rawValue)),
            "x-stage": .string(AMQPText(DeadLetter.eventStage)),
            "x-queue": .string(AMQPText(queue)),
            "x-failed-at": .string(AMQPText(Timestamp.string(Date()))),
            "x-job-id": nil as AMQPValue?,
            "x-given-up-by": nil as AMQPValue?,
            "x-dropped-bytes": delivery.isOversized ? .int(Int64(clamping: delivery.bodyBytes)) : nil,
        ])
        try await persistently(client) {
            do throws(AMQPError) {
                try await client.declare(dead)
            } catch  where error.code == .preconditionFailed {
                // It exists with other arguments, and takes messages all the same.
            }
            try await client.publish(firstFitting: letters, to: dead.name)
        }
        CrashPoint.deadLetterConfirmed.cross()
        state.withLock { $0.counts.refused += 1 }
        logger.error(
            "a message is no event of a bucket; it is among the dead letters",
            metadata: [
                LogKey.queueName: "\(queue)", LogKey.cause: "\(reason.message)",
                "failure.code": "\(reason.code.rawValue)", "message.bytes": "\(delivery.bodyBytes)",
            ]
        )
    }

    // MARK: - Troubles

    /// Tries again until it goes well, with growing pauses. The message is held meanwhile, and the broker sends no more
    /// than ``prefetch`` others.
    ///
    /// - Throws: `CancellationError`; `AMQPError` that no other try would help.
    private func persistently(_ client: AMQPClient, _ body: () async throws -> Void) async throws {
        var failures = 0
        while true {
            try Task.checkCancellation()
            do {
                try await body()
                notePublishing(nil)
                return
            } catch let error as AMQPError where error.code == .invalidArgument || error.code == .closed {
                throw error
            } catch let error as CancellationError {
                throw error
            } catch {
                notePublishing("\(error)")
            }
            failures += 1
            try await Task.sleep(for: max(Self.backoff.delay(afterFailures: failures), .milliseconds(100)))
        }
    }

    private func noteSubscription(_ error: AMQPError?) {
        note { state in
            state.subscription = error.map {
                "the queue \(queue.shown) (S3_EVENTS_QUEUE) cannot be read: \($0.message); declare it and bind it to "
                    + "the notifications of the bucket, it is looked for again"
            }
        }
    }

    private func notePublishing(_ problem: String?) {
        note { $0.publishing = problem.map { "jobs of bucket events cannot be made: \($0); the events wait" } }
    }

    /// Says in the log what has changed.
    private func note(_ change: (inout State) -> Void) {
        let (before, now) = state.withLock { state in
            let before = state.problem
            change(&state)
            return (before, state.problem)
        }
        if before == now { return }
        if let now {
            logger.warning("no jobs are made of bucket events", metadata: [LogKey.cause: "\(now)"])
        } else {
            logger.notice("jobs are made of bucket events again")
        }
    }
}
