internal import AMQP
internal import JobModel

/// The message of a new job, which the download stage is known to read as that job.
///
/// Whoever accepts a job promises an end. A message that a worker cannot read, or reads as another job, has none that
/// anybody waits for. So one parser decides: the bytes that are to be published are read as a worker reads them.
struct EntryMessage: Sendable, Equatable {
    let ticket: Ticket
    private let body: [UInt8]

    /// - Throws: ``MessageError`` with the words of the worker that would refuse the message.
    init(_ ticket: Ticket) throws(MessageError) {
        body = ticket.json.serialized()
        let read: Ticket
        do {
            read = try Ticket(parsing: body, expecting: ticket.kind)
            try read.checkLimits(bytes: body.count)
        } catch {
            throw MessageError(code: error.code, message: "a worker could not read the job: \(error.message)")
        }
        func names(_ ticket: Ticket) -> [ByteText?] {
            [ticket.sourceKey, ticket.source, ticket.destination].map { $0.map { ByteText($0) } }
        }
        guard read.key == ticket.key, read.mediaID == ticket.mediaID, names(read) == names(ticket) else {
            throw MessageError(
                code: .invalidValue,
                message:
                    "a worker would read the job as another one (\(read.key)); "
                    + "leave out what is no field of a job message"
            )
        }
        self.ticket = ticket
    }

    var message: AMQPMessage {
        AMQPMessage(
            body: body,
            messageID: AMQPMessage.fittingMessageID(ticket.id),
            priority: UInt8(clamping: ticket.priority ?? 0)
        )
    }
}
