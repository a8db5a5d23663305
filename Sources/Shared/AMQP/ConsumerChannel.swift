import Logging

/// The channel of one consumer. Every consumer has a channel of its own, so that the failure of one does not lose the
/// deliveries of another.
final class ConsumerChannel: Channel {
    private enum Phase {
        case subscribing
        case subscribed(since: ContinuousClock.Instant)
        /// There is no subscription: the broker has ended it, or messages are fetched one by one. Deliveries can still
        /// be settled.
        case interrupted
        /// The application ended the subscription. The channel closes when the broker has agreed and the last delivery
        /// is settled.
        case draining(isCancelled: Bool)
    }

    let subscription: Subscription
    /// Tells this channel from earlier ones with the same number.
    let id: UInt64
    private var phase = Phase.subscribing
    private var consumerTag = ""
    var unsettled: Set<UInt64> = []
    /// Tells the application that the subscription is over. Repeating it is harmless.
    private var stopped: (() -> Void)?
    /// Messages of the transaction under way that no queue took.
    var returnedQueues: [String] = []
    /// Requests for messages, which the broker answers in order.
    var pulls: [Pull] = []

    struct Pull {
        var request: PullRequest
        /// Answers that are still to come, each with or without a message.
        var missing: Int
        var found: [AMQPDelivery] = []
    }

    init(_ session: Session, _ subscription: Subscription) throws(AMQPError) {
        self.subscription = subscription
        id = session.nextID()
        try super.init(session)
        if subscription.isTransactional {
            try session.connection.selectTransactions(number)
            expect(.txSelectOk)
        }
        guard !subscription.isPulled else {
            phase = .interrupted
            return
        }
        try session.connection.setPrefetch(number, subscription.prefetch)
        expect(.qosOk)
        try subscribe()
    }

    /// Subscribes, at first or after the broker cancelled. All requests are written at once; if the broker objects to
    /// one it closes the channel.
    func subscribe() throws(AMQPError) {
        phase = .subscribing
        let queue = subscription.queue
        if subscription.declaresQueue, !session.keepsOtherProperties(queue) {
            try session.connection.declare(number, queue, passive: false)
            expect(.queueDeclareOk)
        }
        // A new name each time: a late cancellation of the old one must not end the new one.
        consumerTag = "\(session.core.connectionName.prefix(100))-\(session.nextID())"
        let arguments = subscription.arguments()
        try session.connection.consume(number, queue: queue.name, consumerTag: consumerTag, arguments: arguments)
        expect(.consumeOk) { [unowned self] answer throws(AMQPError) in
            switch (answer, phase) {
            case (.success, .subscribing):
                phase = .subscribed(since: .now)
                session.noteSubscribed(subscription)
                subscription.trouble(nil)
                session.log.debug("Subscribed.", queue: queue.name)
            case (.success, .draining): try cancel()
            case (.success, _): break
            case (.failure, _): stopped?()
            }
        }
    }

    /// Whether the subscription can be tried again on this channel.
    var isInterrupted: Bool { if case .interrupted = phase { isOpen } else { false } }

    /// Whether the last subscription held long enough to start the backoff afresh.
    private var wasStable: Bool {
        guard case .subscribed(let since) = phase else { return false }
        return ContinuousClock.now - since > .seconds(5)
    }

    override var maximumBodyBytes: Int { min(super.maximumBodyBytes, subscription.maximumBodyBytes) }

    override func handle(_ method: Method) throws(AMQPError) {
        guard case .cancel(consumerTag) = method else { return }
        if case .draining = phase { return }
        let wasStable = wasStable
        phase = .interrupted
        session.log.warning(
            "The broker ended a subscription; the queue may have been deleted. Subscribing again.",
            queue: subscription.queue.name
        )
        subscription.trouble(.ended(queue: subscription.queue.name))
        session.retry(subscription, wasStable: wasStable)
    }

    override func handle(_ content: Content) throws(AMQPError) {
        switch content.start {
        case .returned(let returned):
            returnedQueues.append(returned.queue)
        case .deliver(let deliver):
            unsettled.insert(deliver.tag)
            let delivery = AMQPDelivery(
                content,
                deliver: deliver,
                channelID: id,
                subscription: subscription,
                core: session.core
            )
            if subscription.isPulled {
                pulled(delivery)
            } else if !subscription.offer(delivery) {
                try giveBack(deliver.tag)
            }
        }
    }

    override func closed(by error: AMQPError, _ close: Method.ChannelClose) throws(AMQPError) {
        subscription.discardUnseen()
        failPulls(error.about(queue: subscription.queue.name))
        if case .draining = phase { return }
        if subscription.isPulled { return }
        let queue = subscription.queue
        if close.replyCode == 406, close.isAboutQueueDeclare {
            session.log.warning(
                "The queue exists with other properties than ours; consuming it as it is.",
                queue: queue.name,
                error: error
            )
            session.noteOtherProperties(queue)
        } else {
            session.log.warning(
                """
                The broker closed a consumer's channel: \(error.message). Subscribing again; unsettled deliveries come \
                again.
                """,
                queue: queue.name,
                error: error,
                isNews: session.isNews(error, of: subscription)
            )
        }
        subscription.trouble(error.about(queue: queue.name))
        session.retry(subscription, wasStable: wasStable)
    }

    override func connectionEnded(_ error: AMQPError) {
        super.connectionEnded(error)
        subscription.discardUnseen()
        failPulls(error)
    }

    /// Ends the subscription; the caller has ended the sequence and passes the deliveries that nobody has seen.
    func stop(unseen: [AMQPDelivery], _ done: @escaping () -> Void) throws(AMQPError) {
        guard isOpen else { return done() }
        let previous = phase
        stopped = done
        failPulls(.stale(queue: subscription.queue.name, because: "nobody asks any more"))
        phase = .draining(isCancelled: false)
        for delivery in unseen {
            try giveBack(delivery.tag)
        }
        switch previous {
        case .interrupted: try cancelled()
        case .subscribed: try cancel()
        // RabbitMQ 3.10 loses the whole connection over a cancellation that overtakes its consume-ok.
        case .subscribing, .draining: break
        }
    }

    private func cancel() throws(AMQPError) {
        try session.connection.cancel(number, consumerTag: consumerTag)
        expect(.cancelOk) { [unowned self] answer throws(AMQPError) in
            switch answer {
            case .success: try cancelled()
            case .failure: stopped?()
            }
        }
    }

    private func cancelled() throws(AMQPError) {
        // The broker works through a channel in order: once it answers this request, no delivery is under way, and the
        // messages that were given back are in their queue again.
        try session.connection.setPrefetch(number, subscription.prefetch)
        expect(.qosOk) { [unowned self] answer throws(AMQPError) in
            stopped?()
            guard case .success = answer else { return }
            phase = .draining(isCancelled: true)
            try closeIfDrained()
        }
    }

    func closeIfDrained() throws(AMQPError) {
        guard case .draining(isCancelled: true) = phase, unsettled.isEmpty else { return }
        try close()
    }

    private func giveBack(_ tag: UInt64) throws(AMQPError) {
        guard unsettled.remove(tag) != nil else { return }
        guard !subscription.queue.isStream else {
            // A stream keeps its messages, and RabbitMQ ends the connection of a client that rejects one.
            return try session.connection.acknowledge(number, tag: tag)
        }
        try session.connection.reject(number, tag: tag, requeue: true)
        guard subscription.isTransactional else { return }
        try session.connection.commit(number)
        expect(.txCommitOk)
    }
}
