/// Why an operation on the broker failed, with the verdict that retry and acknowledge decisions read.
public struct AMQPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. Open: new kinds may follow.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { rawValue }

        /// The broker's address cannot be parsed.
        public static let invalidURL = Code(rawValue: "invalid_url")
        /// A name, header or body breaks a limit of the protocol or of the configuration; nothing was sent.
        public static let invalidArgument = Code(rawValue: "invalid_argument")
        /// The broker cannot be reached, or the connection broke.
        public static let connectionFailed = Code(rawValue: "connection_failed")
        /// TLS could not be set up, or the broker's certificate was not accepted.
        public static let tlsFailed = Code(rawValue: "tls_failed")
        /// The broker refused the user, the password or an operation (403).
        public static let accessRefused = Code(rawValue: "access_refused")
        /// The virtual host does not exist or is closed to this user (530).
        public static let notAllowed = Code(rawValue: "not_allowed")
        /// A queue does not exist (404).
        public static let notFound = Code(rawValue: "not_found")
        /// A queue exists with other properties (406).
        public static let preconditionFailed = Code(rawValue: "precondition_failed")
        /// A queue belongs to another connection (405).
        public static let resourceLocked = Code(rawValue: "resource_locked")
        /// No queue took the message; nothing was settled.
        public static let unroutable = Code(rawValue: "unroutable")
        /// A transaction was committed and its delivery is settled, but no queue took a message of it, because
        /// the queue vanished in between: publish that message again.
        public static let unroutableAfterCommit = Code(rawValue: "unroutable_after_commit")
        /// The broker refused responsibility for a message (nack).
        public static let rejectedByBroker = Code(rawValue: "rejected_by_broker")
        /// The connection was lost, or the time was up, before the broker confirmed: the message may have arrived.
        public static let unconfirmed = Code(rawValue: "unconfirmed")
        /// The operation's time was up before anything was sent.
        public static let timedOut = Code(rawValue: "timed_out")
        /// The delivery's channel is gone; the broker delivers the message again.
        public static let staleDelivery = Code(rawValue: "stale_delivery")
        /// The delivery was acknowledged or rejected before.
        public static let alreadySettled = Code(rawValue: "already_settled")
        /// The client was closed, or never started.
        public static let closed = Code(rawValue: "closed")
        /// The broker closed a channel or the connection for another reason; see `replyCode`.
        public static let closedByBroker = Code(rawValue: "closed_by_broker")
        /// The operating system refused a thread or a descriptor.
        public static let systemError = Code(rawValue: "system_error")
    }

    public let code: Code
    /// The cause and what to do about it.
    public let message: String
    /// Whether the same call may succeed later without anybody's help.
    public let isRetriable: Bool
    /// The status that the C library returned.
    public let libraryStatus: Int32?
    /// The AMQP reply code that the broker sent, such as 404.
    public let replyCode: UInt16?
    /// The queue that the failure is about.
    public let queue: String?

    public init(
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

    public var description: String {
        var text = "\(code): \(message)"
        if let replyCode { text += " (AMQP reply code \(replyCode))" }
        if let libraryStatus { text += " (library status \(libraryStatus))" }
        return text
    }
}
