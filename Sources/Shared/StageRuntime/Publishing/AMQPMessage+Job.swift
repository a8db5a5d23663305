package import AMQP
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

    /// An update for clients.
    package init(_ update: ProgressUpdate) {
        self.init(body: update.json.serialized(), messageID: Self.fittingMessageID(update.key.id))
    }
}
