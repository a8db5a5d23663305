/// A message to publish.
package struct AMQPMessage: Sendable, Hashable {
    package var body: [UInt8]
    /// The application's id of the message; the job id on job messages.
    package var messageID: AMQPText?
    package var contentType: AMQPText?
    /// Whether the message survives a restart of the broker in a durable queue.
    package var isPersistent: Bool
    /// 0–9; only classic queues with `x-max-priority` heed it.
    package var priority: UInt8?
    /// Time after which a queue drops or dead-letters the message.
    package var expirationMilliseconds: UInt32?
    package var correlationID: AMQPText?
    /// The application's name for the kind of message.
    package var type: AMQPText?
    package var headers: [AMQPText: AMQPValue]

    package init(
        body: [UInt8],
        messageID: AMQPText? = nil,
        contentType: AMQPText? = "application/json",
        isPersistent: Bool = true,
        priority: UInt8? = nil,
        expirationMilliseconds: UInt32? = nil,
        correlationID: AMQPText? = nil,
        type: AMQPText? = nil,
        headers: [AMQPText: AMQPValue] = [:]
    ) {
        self.body = body
        self.messageID = messageID
        self.contentType = contentType
        self.isPersistent = isPersistent
        self.priority = priority
        self.expirationMilliseconds = expirationMilliseconds
        self.correlationID = correlationID
        self.type = type
        self.headers = headers
    }
}

extension AMQPMessage {
    /// Refuses a message that the protocol cannot carry before anything is written: a message that fails half-way
    /// through its frames would cost the whole connection.
    ///
    /// - Throws: `.invalidArgument`.
    func validate(queue: String, maximumBodyBytes: Int) throws(AMQPError) {
        try AMQPLimits.checkQueueName(queue)
        guard body.count <= maximumBodyBytes else {
            throw .invalidArgument(
                "a message of \(body.count) bytes is longer than the limit of \(maximumBodyBytes)",
                queue: queue
            )
        }
        let names = [
            ("message id", messageID), ("content type", contentType), ("correlation id", correlationID), ("type", type),
        ]
        for case (let name, let value?) in names where value.bytes.count > AMQPLimits.shortStringBytes {
            throw .invalidArgument("the \(name) is longer than \(AMQPLimits.shortStringBytes) bytes", queue: queue)
        }
        try AMQPLimits.checkTable(headers, name: "headers", queue: queue)
    }
}
