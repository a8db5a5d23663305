package import AMQP
package import JobModel

/// The message of a new job, which the download stage is known to read as that job.
///
/// Whoever accepts a job promises that it ends. A message that a worker cannot read, or reads as another job, has no
/// such end. So one parser decides: the bytes to be published are read as a worker reads them.
package struct EntryMessage: Sendable, Equatable {
    package let ticket: Ticket
    private let body: [UInt8]

    /// - Throws: ``MessageError`` with the words of the worker that would refuse the message.
    package init(_ ticket: Ticket) throws(MessageError) {
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
        guard read.key == ticket.key, read.mediaID == ticket.mediaID, names(read) == names(ticket),
            read.uploadURLs == ticket.uploadURLs
        else {
            throw MessageError(
                code: .invalidValue,
                message: "a worker would read the job as another one (\(read.key)); leave out what is no field of a "
                    + "job message"
            )
        }
        self.ticket = ticket
    }

    package var message: AMQPMessage {
        var message = AMQPMessage(ticket)
        message.body = body
        return message
    }
}
