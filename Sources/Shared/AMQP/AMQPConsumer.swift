/// The deliveries from one queue, across reconnects.
///
/// The consumer subscribes again by itself after the connection, its channel or its queue was lost. Several tasks may
/// iterate; each delivery goes to one of them. Iteration ends when the consumer is stopped, the client is closed, or
/// the iterating task is cancelled; a cancelled task leaves the consumer subscribed.
package final class AMQPConsumer: AsyncSequence, Sendable {
    package typealias Element = AMQPDelivery
    package typealias Failure = Never

    let subscription: Subscription
    private let core: ClientCore

    init(_ subscription: Subscription, core: ClientCore) {
        self.subscription = subscription
        self.core = core
    }

    deinit {
        core.post(.unsubscribe(subscription, nil))
    }

    /// Ends the subscription and then the sequence.
    ///
    /// Deliveries that the application has already got can still be settled. Those that it has not seen are back in
    /// their queue when this returns.
    package func stop() async {
        let (subscription, core) = (subscription, core)
        // The only failure is a client that is closed, which has stopped its consumers.
        _ = try? await Reply<Void>.wait { core.post(.unsubscribe(subscription, $0)) }
    }

    /// The deliveries that are here already and that nobody has asked for yet, the oldest first.
    package func takeWaiting() -> [AMQPDelivery] { subscription.takeWaiting() }

    package func makeAsyncIterator() -> Iterator {
        Iterator(consumer: self)
    }

    package struct Iterator: AsyncIteratorProtocol {
        // The consumer, not its subscription: iterating keeps it subscribed.
        let consumer: AMQPConsumer

        package func next() async -> AMQPDelivery? {
            await consumer.subscription.next()
        }

        package func next(isolation actor: isolated (any Actor)?) async -> AMQPDelivery? {
            await consumer.subscription.next()
        }
    }
}
