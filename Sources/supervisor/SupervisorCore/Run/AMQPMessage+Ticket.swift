internal import AMQP
internal import JobModel

extension AMQPMessage {
    /// A job message that every stage accepts. On its way to clean-up a job needs no more than the ledger has, so what
    /// is too long is shortened.
    ///
    /// - Throws: `.invalidArgument` when it is too long for any other stage.
    init(_ ticket: Ticket) throws(AMQPError) {
        self.init(whole: ticket)
        if body.count <= Ticket.maximumBytes { return }
        guard ticket.phase == .cleanup else {
            throw .invalidArgument(
                "the job's message would have \(body.count) bytes; at most \(Ticket.maximumBytes) are accepted"
            )
        }
        self.init(whole: ticket.shortened)
    }

    private init(whole ticket: Ticket) {
        self.init(
            body: ticket.json.serialized(),
            messageID: AMQPMessage.fittingMessageID(ticket.id),
            priority: UInt8(clamping: ticket.priority ?? 0)
        )
    }
}

extension AMQPClient {
    /// Publishes a job message to a queue that may not be there yet, and returns when the broker has confirmed it.
    func publish(_ ticket: Ticket, declaring queue: AMQPQueue) async throws(AMQPError) {
        try await publish(try AMQPMessage(ticket), declaring: queue)
    }

    /// The same, with the message of a new job.
    func publish(_ job: EntryMessage, declaring queue: AMQPQueue) async throws(AMQPError) {
        try await publish(job.message, declaring: queue)
    }

    private func publish(_ message: AMQPMessage, declaring queue: AMQPQueue) async throws(AMQPError) {
        do {
            try await declare(queue)
        } catch  where error.code == .preconditionFailed {
            // It exists with other arguments, and takes messages all the same.
        }
        try await publish(message, to: queue.name)
    }
}
