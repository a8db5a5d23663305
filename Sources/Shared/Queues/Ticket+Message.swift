package import JobModel

extension Ticket {
    /// Reads the message of a job as every stage does.
    ///
    /// - Parameters:
    ///   - body: the message's bytes.
    ///   - kind: of the queue that it came from.
    ///   - wholeBytes: how many bytes the message has, when it has more than were read; else nil.
    ///   - priority: the message's property, by which alone a producer may say it.
    /// - Throws: why the message is no job.
    package init(
        message body: [UInt8],
        of kind: MediaKind,
        wholeBytes: UInt64? = nil,
        priority: UInt8? = nil
    ) throws(MessageError) {
        if let wholeBytes {
            throw MessageError(code: .tooLarge, message: "the message has \(wholeBytes) bytes, which is too many")
        }
        // Longer ones are not even read.
        guard body.count <= Ticket.maximumBytes else {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(body.count) bytes; at most \(Ticket.maximumBytes) are accepted"
            )
        }
        self = try Ticket(parsing: body, expecting: kind)
        // An incoming ticket leaves room for all that stages add. A ticket of ours is read, whatever it has become.
        try checkLimits(bytes: body.count)
        if self.priority == nil, let priority, priority > 0 { self.priority = Int64(min(priority, 9)) }
    }
}
