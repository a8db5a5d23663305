internal import JobModel

/// A job's message would be longer than any stage accepts.
package struct TicketTooLong: Error, CustomStringConvertible {
    package static let code = "message_too_long"

    package var sizeBytes: Int

    package var description: String {
        "the job's message would have \(sizeBytes) bytes; at most \(Ticket.maximumBytes) are passed on. "
            + "Make fewer outputs, or send less with the job"
    }
}
