import CRabbitMQ

extension AMQPError {
    static let clientClosed = AMQPError(
        .closed,
        "the client is closed; create and start another one to go on",
        isRetriable: false
    )

    package static func invalidArgument(_ message: String, queue: String? = nil) -> AMQPError {
        AMQPError(.invalidArgument, message, isRetriable: false, queue: queue)
    }

    static func unroutable(queue: String, afterCommit: Bool = false) -> AMQPError {
        AMQPError(
            afterCommit ? .unroutableAfterCommit : .unroutable,
            afterCommit
                ? "queue '\(queue)' vanished while a transaction published to it; declare it and publish again"
                : "queue '\(queue)' does not exist; declare it before publishing",
            isRetriable: false,
            replyCode: 312,
            queue: queue
        )
    }

    static func stale(queue: String, because reason: String) -> AMQPError {
        AMQPError(
            .staleDelivery,
            "the delivery from '\(queue)' can no longer be settled (\(reason)); the broker delivers it again",
            isRetriable: false,
            queue: queue
        )
    }

    static func ended(queue: String) -> AMQPError {
        AMQPError(
            .notFound,
            "the broker ended a subscription to queue '\(queue)'; the queue may have been deleted",
            isRetriable: true,
            queue: queue
        )
    }

    static func waitedInVain(_ reason: String?) -> AMQPError {
        AMQPError(
            .timedOut,
            "no usable connection to the broker in time" + (reason.map { ": \($0)" } ?? ""),
            isRetriable: true
        )
    }

    /// A C library status; `doing` completes "while …".
    static func library(_ status: Int32, doing: String) -> AMQPError {
        let text = amqp_error_string2(status).map { String(cString: $0) } ?? "unknown error"
        let isTLS = status <= AMQP_STATUS_SSL_ERROR.rawValue
        return AMQPError(
            isTLS ? .tlsFailed : .connectionFailed,
            "\(text) while \(doing)",
            isRetriable: true,
            libraryStatus: status
        )
    }

    /// The reason that the broker gave for closing a channel or the connection.
    static func broker(replyCode: UInt16, text: String, queue: String? = nil) -> AMQPError {
        let (code, isRetriable): (Code, Bool) =
            switch replyCode {
            case 403: (.accessRefused, false)
            case 404: (.notFound, false)
            case 405: (.resourceLocked, true)
            case 406: (.preconditionFailed, false)
            case 530: (.notAllowed, false)
            default: (.closedByBroker, true)
            }
        return AMQPError(
            code,
            "the broker answered: \(text)",
            isRetriable: isRetriable,
            replyCode: replyCode,
            queue: queue
        )
    }

    /// The same failure seen from an operation on a queue.
    func about(queue: String) -> AMQPError {
        AMQPError(
            code,
            message,
            isRetriable: isRetriable,
            libraryStatus: libraryStatus,
            replyCode: replyCode,
            queue: queue
        )
    }

    /// The same failure as the cause of a message's unknown fate.
    func asUnconfirmed(queue: String) -> AMQPError {
        AMQPError(
            .unconfirmed,
            "no confirm for a message to '\(queue)', it may have arrived: \(message)",
            isRetriable: true,
            libraryStatus: libraryStatus,
            replyCode: replyCode,
            queue: queue
        )
    }
}
