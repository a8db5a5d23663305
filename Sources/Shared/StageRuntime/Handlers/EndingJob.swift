package import AMQP
package import JobModel
package import Logging
internal import Queues
internal import WorkerProtocol

/// A job that is at its end, with all that the stage that ends jobs may do about it.
package struct EndingJob: Sendable {
    private let job: ReceivedJob
    private let place: Workplace

    init(_ job: ReceivedJob, _ place: Workplace) {
        self.job = job
        self.place = place
    }

    package var ticket: Ticket { job.ticket }
    package var key: JobKey { ticket.key }
    package var kind: MediaKind { place.kind }
    /// Carries the job's id and kind.
    package var logger: Logger { job.logger }
    /// The same at every delivery of one message, different for every publish.
    package var token: String { job.token }
    package var books: any JobEndBooks { place.endBooks }
    package var clock: any RuntimeClock { place.clock }

    /// The queue that clients read.
    package var updatesQueue: AMQPQueue { place.topology.updates }
    /// Where an operator finds failed jobs.
    package var deadQueue: AMQPQueue { place.topology.dead }

    /// Whether messages are published and the job's message is acknowledged in one transaction: see
    /// ``commit(publishing:)``.
    package var usesTransactions: Bool { place.usesTransactions }

    /// A message for a queue.
    package struct Letter: Sendable, Hashable {
        package var message: AMQPMessage
        package var queue: AMQPQueue

        package init(_ message: AMQPMessage, to queue: AMQPQueue) {
            self.message = message
            self.queue = queue
        }
    }
}

extension EndingJob {
    /// Publishes letters and acknowledges the job's message in one transaction: all of it happens, or none.
    ///
    /// - Throws: as ``ReceivedMessage/acknowledge(publishing:)``.
    package func commit(publishing letters: [Letter]) async throws(AMQPError) {
        try await job.delivery.message.acknowledge(
            publishing: letters.map { (message: $0.message, queue: $0.queue.name) }
        )
    }

    /// Publishes a letter once.
    ///
    /// - Throws: as ``MessageTransport/publish(_:to:)``.
    package func publishOnce(_ letter: Letter) async throws(AMQPError) {
        try await place.publisher.transport.publish(letter.message, to: letter.queue.name)
    }

    /// Publishes a letter until the broker has it.
    package func publish(_ letter: Letter) async throws {
        try await place.publisher.publish(letter.message, to: letter.queue)
    }

    /// Makes a queue that is missing.
    package func declare(_ queue: AMQPQueue) async throws(AMQPError) {
        try await place.topology.declare(queue, on: place.publisher.transport, logger: place.logger)
    }

    /// Acknowledges the job's message. One that is not acknowledged comes again.
    package func acknowledge() async {
        await DeliverySettler(place: place).acknowledge(job.delivery, job.logger)
    }

    /// Acknowledges the job's message, which has nothing to say any more.
    package func drop(_ reason: Logger.Message, _ facts: Logger.Metadata = [:]) async {
        await DeliverySettler(place: place).drop(job, reason, facts)
    }

    /// Acknowledges the message of a job that has ended and of which there is nothing more to say.
    package func dropFinished(_ outcome: JobOutcome?) async {
        await DeliverySettler(place: place).dropFinished(job, outcome)
    }

    /// Has a copy of the job's message come back later, and acknowledges the message.
    package func park() async throws { try await DeliverySettler(place: place).park(job) }

    /// Counts a job that has ended.
    package func count(_ outcome: JobOutcome) { place.status.update { $0.counters.end(outcome) } }
}
