import Logging

/// Log lines of a connection, with the keys that the whole service uses.
struct SessionLog {
    let logger: Logger

    func debug(_ message: Logger.Message, queue: String? = nil) {
        logger.debug(message, metadata: Self.metadata(queue, nil))
    }

    func info(_ message: Logger.Message) {
        logger.info(message)
    }

    func warning(_ message: Logger.Message, queue: String? = nil, error: AMQPError? = nil) {
        logger.warning(message, metadata: Self.metadata(queue, error))
    }

    func connectionLost(_ error: AMQPError, attempt: Int, retryIn delay: Duration) {
        var metadata = Self.metadata(nil, error)
        metadata["amqp.attempt"] = "\(attempt)"
        metadata["amqp.retry_in"] = "\(delay)"
        logger.warning("No connection to the broker: \(error.message)", metadata: metadata)
    }

    private static func metadata(_ queue: String?, _ error: AMQPError?) -> Logger.Metadata {
        var metadata: Logger.Metadata = [:]
        if let queue { metadata["amqp.queue"] = "\(queue)" }
        if let error { metadata["error"] = "\(error)" }
        return metadata
    }
}
