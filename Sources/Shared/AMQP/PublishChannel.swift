import Logging

/// The channel in confirm mode that carries all publishes but the transactional ones.
///
/// A channel that has had a publish refused, or not answered, is given up for another. In a cluster a channel keeps to
/// the node that led a queue when it was opened or first published there: if that node is dead, RabbitMQ 3.10 refuses
/// everything that this channel sends to the queue, though another node leads it now and other channels' messages
/// arrive.
final class PublishChannel: Channel {
    private var tracker = ConfirmTracker<PublishRequest>()
    private var isReady = false
    private var hasRefused = false
    private var isReplaced = false
    private let opened = ContinuousClock.now
    /// A queue that is full refuses as well, and as often as one tries.
    private static let leastLifetime = Duration.seconds(1)

    override init(_ session: Session) throws(AMQPError) {
        try super.init(session)
        try session.connection.selectConfirms(number)
        expect(.confirmSelectOk) { [unowned self] answer in
            guard case .success = answer else { return }
            isReady = true
            self.session.publishChannelReady()
        }
    }

    func publish(_ request: PublishRequest) throws(AMQPError) {
        if isWorn {
            try replace()
            return try session.perform(.publish(request))
        }
        guard session.fits(request.message) else {
            return request.reply.fail(session.tooLong(queue: request.queue))
        }
        // The publish is recorded first: if writing fails the message may have arrived in part, and the connection
        // ends.
        _ = tracker.add(
            request,
            .init(
                queue: request.queue,
                messageID: request.message.messageID,
                bodyBytes: UInt64(request.message.body.count)
            )
        )
        try session.connection.publish(number, request.message, to: request.queue)
    }

    /// When the publish that has waited longest gives up.
    var publishDeadline: ContinuousClock.Instant? { tracker.oldest?.deadline }

    /// Gives up publishes that have waited for too long.
    func expire(_ now: ContinuousClock.Instant) throws(AMQPError) {
        guard let deadline = publishDeadline, deadline <= now else { return }
        failOutstanding(
            AMQPError(
                .timedOut,
                "the broker has not confirmed within \(session.core.configuration.publishTimeout)",
                isRetriable: true
            )
        )
        try replace()
    }

    /// Whether another channel may fare better.
    private var isWorn: Bool { hasRefused && tracker.count == 0 && ContinuousClock.now - opened >= Self.leastLifetime }

    /// Closes this channel, and has the session open another one.
    private func replace() throws(AMQPError) {
        isReplaced = true
        session.log.debug("Publishing on another channel, as this one was refused or not answered.")
        try close()
        try session.openPublishChannel()
    }

    override func handle(_ method: Method) throws(AMQPError) {
        switch method {
        case .ack(let tag, let multiple): settle(tag, multiple: multiple, accepted: true)
        case .nack(let tag, let multiple): settle(tag, multiple: multiple, accepted: false)
        default: break
        }
    }

    private func settle(_ tag: UInt64, multiple: Bool, accepted: Bool) {
        for settled in tracker.settle(tag: tag, multiple: multiple, accepted: accepted) {
            let (reply, queue) = (settled.token.reply, settled.token.queue)
            switch settled.outcome {
            case .confirmed: reply.succeed()
            case .returned: reply.fail(.unroutable(queue: queue))
            case .rejected:
                hasRefused = true
                reply.fail(
                    AMQPError(
                        .rejectedByBroker,
                        "the broker refused a message to '\(queue)'; the queue may be full or its node down",
                        isRetriable: true,
                        queue: queue
                    )
                )
            }
        }
    }

    override func handle(_ content: Content) throws(AMQPError) {
        guard case .returned(let returned) = content.start else { return }
        tracker.markReturned(
            .init(
                queue: returned.queue,
                messageID: content.properties.messageID,
                bodyBytes: content.announcedBytes
            )
        )
    }

    override func connectionEnded(_ error: AMQPError) {
        super.connectionEnded(error)
        failOutstanding(error)
    }

    override func closed(by error: AMQPError, _: Method.ChannelClose) throws(AMQPError) {
        failOutstanding(error)
        if isReplaced { return }
        // A broker that does not even let it open will not let the next one: connect again, with backoff.
        guard isReady else { throw error }
        session.log.warning("The broker closed the publishing channel; opening another.", error: error)
        try session.openPublishChannel()
    }

    private func failOutstanding(_ error: AMQPError) {
        for (request, _) in tracker.removeAll() {
            request.reply.fail(error.asUnconfirmed(queue: request.queue))
        }
    }
}
