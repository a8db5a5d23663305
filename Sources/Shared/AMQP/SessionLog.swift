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

    func warning(_ message: Logger.Message, queue: String?, error: AMQPError, isNews: Bool) {
        logger.log(level: isNews ? .warning : .debug, message, metadata: Self.metadata(queue, error))
    }

    func connectionLost(_ error: AMQPError) {
        logger.warning(
            "Lost the connection to the broker: \(error.message). Connecting again by itself.",
            metadata: Self.metadata(nil, error)
        )
    }

    /// - Parameter isNews: false for a try that fails like the one before, which is of interest for debugging only.
    func noConnection(_ error: AMQPError, attempt: Int, retryIn delay: Duration, isNews: Bool) {
        var metadata = Self.metadata(nil, error)
        metadata["amqp.attempt"] = "\(attempt)"
        metadata["amqp.retry_in"] = "\(delay)"
        // Waiting does not help against a refusal.
        let isRefused = error.code == .accessRefused || error.code == .notAllowed
        logger.log(
            level: !isNews ? .debug : isRefused ? .error : .warning,
            "No connection to the broker: \(error.message). Trying again by itself.",
            metadata: metadata
        )
    }

    private static func metadata(_ queue: String?, _ error: AMQPError?) -> Logger.Metadata {
        var metadata: Logger.Metadata = [:]
        if let queue { metadata["amqp.queue"] = "\(queue)" }
        if let error { metadata["error"] = "\(error)" }
        return metadata
    }
}
