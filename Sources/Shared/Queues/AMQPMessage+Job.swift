package import AMQP
internal import FoundationEssentials
package import JobModel

extension AMQPMessage {
    /// A ticket as it travels.
    package init(_ ticket: Ticket) {
        self.init(
            body: ticket.json.serialized(),
            messageID: Self.fittingMessageID(ticket.id),
            priority: UInt8(clamping: ticket.priority ?? 0)
        )
    }

    /// A ticket for another queue, with a transfer token of its own.
    ///
    /// - Throws: ``TicketTooLong`` when the next stage would not accept it.
    package init(transferring ticket: Ticket) throws(TicketTooLong) {
        var ticket = ticket
        ticket.transfer = UUID().uuidString
        self.init(ticket)
        if body.count > Ticket.maximumBytes { throw TicketTooLong(sizeBytes: body.count) }
    }

    /// An update for clients.
    package init(_ update: ProgressUpdate) {
        self.init(body: update.json.serialized(), messageID: Self.fittingMessageID(update.key.id))
    }

    /// A job message that every stage accepts. On its way to clean-up a job needs no more than the ledger has, so a
    /// ticket that is too long is shortened.
    ///
    /// - Throws: `.invalidArgument` when it is too long for any other stage.
    package init(fitting ticket: Ticket) throws(AMQPError) {
        self.init(ticket)
        if body.count <= Ticket.maximumBytes { return }
        guard ticket.phase == .cleanup else {
            throw .invalidArgument(
                "the job's message would have \(body.count) bytes; at most \(Ticket.maximumBytes) are accepted"
            )
        }
        self.init(ticket.shortened)
    }

    /// A job's id as ``messageID``, or nil when it is too long for one: a property holds 255 bytes at most, and an id
    /// may have 128 characters of 4.
    package static func fittingMessageID(_ id: ByteText) -> AMQPText? {
        id.count <= AMQPLimits.shortStringBytes ? AMQPText(id.string) : nil
    }
}

extension AMQPClient {
    /// Publishes a job message to a queue that may not be there yet, and returns when the broker has confirmed it.
    package func publish(_ ticket: Ticket, declaring queue: AMQPQueue) async throws(AMQPError) {
        try await publish(try AMQPMessage(fitting: ticket), declaring: queue)
    }

    /// The same, with the message of a new job.
    package func publish(_ job: EntryMessage, declaring queue: AMQPQueue) async throws(AMQPError) {
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
