/// Subscriptions, which are made again after a failure.
extension Session {
    func subscribe(_ subscription: Subscription) throws(AMQPError) {
        let id = ObjectIdentifier(subscription)
        if let channel = consumerChannels[id], channel.isInterrupted {
            try channel.subscribe()
        } else {
            consumerChannels[id] = try ConsumerChannel(self, subscription)
        }
    }

    func unsubscribe(_ subscription: Subscription, _ done: @escaping () -> Void) throws(AMQPError) {
        retries.removeAll { $0.subscription === subscription }
        failures[ObjectIdentifier(subscription)] = nil
        troubles[ObjectIdentifier(subscription)] = nil
        let unseen = subscription.finish()
        guard let channel = consumerChannels.removeValue(forKey: ObjectIdentifier(subscription)) else { return done() }
        try channel.stop(unseen: unseen, done)
        // The broker reads the request when its alarm is over; nobody needs to wait for that.
        if blockedReason != nil { done() }
    }

    /// Subscribes again after a wait that grows with each failure in a row.
    func retry(_ subscription: Subscription, wasStable: Bool) {
        let id = ObjectIdentifier(subscription)
        let count = wasStable ? 1 : (failures[id] ?? 0) + 1
        failures[id] = count
        let delay = core.configuration.backoff.delay(afterFailures: count)
        retries.append((due: .now + delay, subscription: subscription))
    }

    /// Whether the last try to subscribe succeeded, or failed for another reason.
    func isNews(_ error: AMQPError, of subscription: Subscription) -> Bool {
        troubles.updateValue(error.code, forKey: ObjectIdentifier(subscription)) != error.code
    }

    func noteSubscribed(_ subscription: Subscription) { troubles[ObjectIdentifier(subscription)] = nil }

    /// Whether the queue was seen to exist with properties that its declaration would not match.
    func keepsOtherProperties(_ queue: AMQPQueue) -> Bool { queuesWithOtherProperties.contains(queue.name) }

    func noteOtherProperties(_ queue: AMQPQueue) { queuesWithOtherProperties.insert(queue.name) }

    /// Looks among all open channels: a stopped consumer's deliveries can still be settled.
    func consumerChannel(_ id: UInt64) -> ConsumerChannel? {
        for case let channel as ConsumerChannel in channels.values where channel.id == id && channel.isOpen {
            return channel
        }
        return nil
    }
}
