/// A request of the application to the I/O thread.
enum Command: Sendable {
    case publish(PublishRequest)
    case queue(QueueRequest)
    case subscribe(Subscription)
    /// No reply when the application just dropped the consumer.
    case unsubscribe(Subscription, Reply<Void>?)
    case settle(SettleRequest)
    case pull(PullRequest)

    func fail(_ error: AMQPError) {
        switch self {
        case .publish(let request): request.reply.fail(error)
        case .queue(let request): request.reply.fail(error)
        case .subscribe(let subscription): subscription.finish()
        case .unsubscribe(let subscription, let reply):
            subscription.finish()
            reply?.succeed()
        case .settle(let request): request.reply.fail(error)
        case .pull(let request): request.reply.fail(error)
        }
    }

    /// When the caller's patience ends; nil for commands without a caller that waits for the broker.
    var deadline: ContinuousClock.Instant? {
        switch self {
        case .publish(let request): request.deadline
        case .queue(let request): request.deadline
        case .settle(let request): request.deadline
        case .pull(let request): request.deadline
        case .subscribe, .unsubscribe: nil
        }
    }
}

struct PublishRequest: Sendable {
    var message: AMQPMessage
    var queue: String
    var deadline: ContinuousClock.Instant
    var reply: Reply<Void>
}

struct QueueRequest: Sendable {
    enum Action: Sendable {
        case declare(AMQPQueue)
        /// A passive declaration.
        case count(queue: String)
        case purge(queue: String)
        case delete(queue: String)

        var queue: String {
            switch self {
            case .declare(let queue): queue.name
            case .count(let queue), .purge(let queue), .delete(let queue): queue
            }
        }
    }

    var action: Action
    var deadline: ContinuousClock.Instant
    /// The number of messages that the broker reports, or nil when the queue of `count` does not exist.
    var reply: Reply<Int?>
}

struct SettleRequest: Sendable {
    enum Verdict: Sendable {
        case acknowledge
        case reject(requeue: Bool)
    }

    struct Publication: Sendable {
        var message: AMQPMessage
        var queue: String
    }

    /// The channel that brought the delivery.
    var channelID: UInt64
    var tag: UInt64
    /// The queue that the delivery came from.
    var queue: String
    var verdict: Verdict
    /// Published in the same transaction.
    var publications: [Publication] = []
    var deadline: ContinuousClock.Instant
    var reply: Reply<Void>
}

struct PullRequest: Sendable {
    var subscription: Subscription
    /// So many messages at most.
    var count: Int
    var deadline: ContinuousClock.Instant
    var reply: Reply<[AMQPDelivery]>
}
