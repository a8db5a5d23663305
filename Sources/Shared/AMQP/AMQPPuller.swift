/// Takes messages from a queue as they are asked for. The broker sends none before, so the memory of this process is
/// bounded by the number asked for at once and by ``AMQPConfiguration/maximumBodyBytes``, however many are left
/// unsettled.
///
/// Unsettled messages are back in their places when the client is closed. A lost connection takes all deliveries with
/// it: the next ones begin at the head of the queue again.
package final class AMQPPuller: Sendable {
    private let subscription: Subscription
    private let core: ClientCore

    init(_ subscription: Subscription, core: ClientCore) {
        self.subscription = subscription
        self.core = core
    }

    deinit {
        core.post(.unsubscribe(subscription, nil))
    }

    /// The next messages that are ready, in order; fewer than `count` when no more are, none when none is.
    ///
    /// - Throws: `.notFound` when the queue does not exist; `.staleDelivery`, `.connectionFailed`, `.timedOut`,
    ///   `.closed`.
    package func next(_ count: Int = 1) async throws(AMQPError) -> [AMQPDelivery] {
        let (subscription, core) = (subscription, core)
        let deadline = ContinuousClock.now + core.configuration.replyTimeout
        return try await Reply<[AMQPDelivery]>.wait { reply in
            core.post(
                .pull(PullRequest(subscription: subscription, count: max(count, 1), deadline: deadline, reply: reply))
            )
        }
    }
}

extension AMQPClient {
    /// Prepares to take messages from a queue one by one.
    ///
    /// - Throws: `.invalidArgument`.
    package func pull(_ queue: String) throws(AMQPError) -> AMQPPuller {
        try AMQPLimits.checkQueueName(queue)
        return makePuller(Subscription(pullingFrom: AMQPQueue(queue)))
    }
}
