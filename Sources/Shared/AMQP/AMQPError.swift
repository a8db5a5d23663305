/// Why an operation on the broker failed, with the verdict that retry and acknowledge decisions read.
package struct AMQPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. Open: new kinds may follow.
    package struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        package let rawValue: String

        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        package var description: String { rawValue }

        /// The broker's address cannot be parsed.
        package static let invalidURL = Code(rawValue: "invalid_url")
        /// A name, header or body breaks a limit of the protocol or of the configuration; nothing was sent.
        package static let invalidArgument = Code(rawValue: "invalid_argument")
        /// The broker cannot be reached, or the connection broke.
        package static let connectionFailed = Code(rawValue: "connection_failed")
        /// TLS could not be set up, or the broker's certificate was not accepted.
        package static let tlsFailed = Code(rawValue: "tls_failed")
        /// The broker refused the user, the password or an operation (403).
        package static let accessRefused = Code(rawValue: "access_refused")
        /// The virtual host does not exist or is closed to this user (530).
        package static let notAllowed = Code(rawValue: "not_allowed")
        /// A queue does not exist (404).
        package static let notFound = Code(rawValue: "not_found")
        /// A queue exists with other properties (406).
        package static let preconditionFailed = Code(rawValue: "precondition_failed")
        /// A queue belongs to another connection (405).
        package static let resourceLocked = Code(rawValue: "resource_locked")
        /// No queue took the message; nothing was settled.
        package static let unroutable = Code(rawValue: "unroutable")
        /// A transaction was committed and its delivery is settled, but no queue took a message of it, because
        /// the queue vanished in between: publish that message again.
        package static let unroutableAfterCommit = Code(rawValue: "unroutable_after_commit")
        /// The broker refused responsibility for a message (nack).
        package static let rejectedByBroker = Code(rawValue: "rejected_by_broker")
        /// The connection was lost, or the time was up, before the broker confirmed: the message may have arrived.
        package static let unconfirmed = Code(rawValue: "unconfirmed")
        /// The operation's time was up before anything was sent.
        package static let timedOut = Code(rawValue: "timed_out")
        /// The delivery's channel is gone; the broker delivers the message again.
        package static let staleDelivery = Code(rawValue: "stale_delivery")
        /// The delivery was acknowledged or rejected before.
        package static let alreadySettled = Code(rawValue: "already_settled")
        /// The client was closed, or never started.
        package static let closed = Code(rawValue: "closed")
        /// The broker closed a channel or the connection for another reason; see `replyCode`.
        package static let closedByBroker = Code(rawValue: "closed_by_broker")
        /// The operating system refused a thread or a descriptor.
        package static let systemError = Code(rawValue: "system_error")
    }

    package let code: Code
    /// The cause and what to do about it.
    package let message: String
    /// Whether the same call may succeed later without anybody's help.
    package let isRetriable: Bool
    /// The status that the C library returned.
    package let libraryStatus: Int32?
    /// The AMQP reply code that the broker sent, such as 404.
    package let replyCode: UInt16?
    /// The queue that the failure is about.
    package let queue: String?

    package init(
        _ code: Code,
        _ message: String,
        isRetriable: Bool,
        libraryStatus: Int32? = nil,
        replyCode: UInt16? = nil,
        queue: String? = nil
    ) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.libraryStatus = libraryStatus
        self.replyCode = replyCode
        self.queue = queue
    }

    package var description: String {
        var text = "\(code): \(message)"
        if let replyCode { text += " (AMQP reply code \(replyCode))" }
        if let libraryStatus { text += " (library status \(libraryStatus))" }
        return text
    }
}
