package import AMQP
package import JobModel
package import Settings

/// All queues of the service as they are declared.
///
/// Classic queues are those of existing clients: durable, without arguments. Quorum queues give up a message that was
/// delivered too often, and lose none on the way to the next queue: at-least-once dead-lettering, for which RabbitMQ
/// asks for the overflow behaviour `reject-publish`.
package struct QueueLayout: Sendable, Hashable {
    package var names: QueueNames
    package var type: QueueType
    /// How often a quorum queue delivers a message again before it gives it up.
    package var deliveryLimit: Int64
    /// The highest priority that classic work queues tell apart; 0 makes them queues without priorities. Quorum queues
    /// have none.
    package var maximumPriority: Int64

    package init(
        names: QueueNames,
        type: QueueType = .classic,
        deliveryLimit: Int64 = 20,
        maximumPriority: Int64 = 0
    ) {
        self.names = names
        self.type = type
        self.deliveryLimit = deliveryLimit
        self.maximumPriority = maximumPriority
    }

    /// The queue of one stage of this host. A message that a quorum queue gives up goes to clean-up, which ends the job
    /// as a failed one.
    package func work(_ kind: MediaKind, _ stage: Stage) -> AMQPQueue {
        work(names.work(kind, stage), givingUpTo: stage == .cleanup ? names.dead(kind) : names.work(kind, .cleanup))
    }

    /// The queue of one stage that all hosts share; see ``QueueNames/shared(_:_:)``.
    package func shared(_ kind: MediaKind, _ stage: Stage) -> AMQPQueue {
        work(names.shared(kind, stage), givingUpTo: stage == .cleanup ? names.dead(kind) : names.shared(kind, .cleanup))
    }

    /// The queue that jobs come in by.
    package func entry(_ kind: MediaKind) -> AMQPQueue { shared(kind, .download) }

    /// The queue of requests of the older service. Its clients declare it too, without priorities.
    package func legacyRequests(_ kind: MediaKind) -> AMQPQueue {
        var queue = work(names.legacyRequests(kind), givingUpTo: names.dead(kind))
        queue.arguments["x-max-priority"] = nil
        return queue
    }

    package func updates(_ kind: MediaKind) -> AMQPQueue { plain(names.updates(kind)) }

    package func dead(_ kind: MediaKind) -> AMQPQueue { plain(names.dead(kind)) }

    /// Messages come back to the stage's own queue when the delay is over.
    package func retry(_ kind: MediaKind, _ stage: Stage, delayMilliseconds: Int) -> AMQPQueue {
        var queue = plain(names.retry(kind, stage, delayMilliseconds: delayMilliseconds))
        queue.arguments["x-message-ttl"] = .int(Int64(delayMilliseconds))
        addDeadLettering(to: names.work(kind, stage), &queue)
        return queue
    }

    /// The delays that a retry of this step can take. Quorum queues have one: each such queue is a group of replicas
    /// that elects a leader of its own.
    package func retryDelays(ofStep milliseconds: Int) -> [Int] {
        type == .quorum ? [milliseconds] : QueueNames.retryDelays(ofStep: milliseconds)
    }

    /// The delays of all steps.
    package var retryDelaysMilliseconds: [Int] { QueueNames.retrySteps.flatMap(retryDelays) }

    /// The claims log, in which hosts that share a broker record which of them takes which job, in one order for all.
    /// Each host reads it as far as it needs, and nobody empties it: the broker drops old records, a segment at a time.
    /// Its declaration is the same on all hosts and in all versions, because the broker refuses a different one.
    package func claims(_ kind: MediaKind) -> AMQPQueue {
        AMQPQueue(
            names.claims(kind),
            arguments: [
                "x-queue-type": "stream", "x-max-age": "7D", "x-max-length-bytes": .int(256 << 20),
                "x-stream-max-segment-size-bytes": .int(16 << 20),
            ]
        )
    }

    /// All queues of a kind except the delay queues.
    package func lasting(_ kind: MediaKind) -> [AMQPQueue] {
        var queues = Stage.allCases.map { work(kind, $0) }
        if names.node != nil { queues += QueueNames.sharedStages.map { shared(kind, $0) } + [claims(kind)] }
        return queues + [updates(kind), dead(kind), legacyRequests(kind)]
    }

    /// The same queue as it is declared for the other queue type: the broker may still have it from before a change of
    /// type.
    package func otherwise(_ queue: AMQPQueue) -> AMQPQueue? {
        var other = self
        other.type = type == .quorum ? .classic : .quorum
        for kind in MediaKind.allCases {
            if let found = other.lasting(kind).first(where: { $0.name == queue.name }) { return found }
            for stage in Stage.allCases {
                for delay in QueueNames.retryDelaysMilliseconds
                where names.retry(kind, stage, delayMilliseconds: delay) == queue.name {
                    return other.retry(kind, stage, delayMilliseconds: delay)
                }
            }
        }
        return nil
    }

    /// The number of returns after which a message is put into its queue anew instead: a quorum queue counts every
    /// return against its limit, whatever the cause. Half of the limit is left to the deaths of workers.
    package var returnsBeforeRenewal: Int64 { max(deliveryLimit / 2, 1) }

    private func plain(_ name: String) -> AMQPQueue {
        AMQPQueue(name, arguments: type == .quorum ? ["x-queue-type": "quorum"] : [:])
    }

    private func work(_ name: String, givingUpTo target: String) -> AMQPQueue {
        var queue = plain(name)
        if type == .quorum {
            queue.arguments["x-delivery-limit"] = .int(deliveryLimit)
            addDeadLettering(to: target, &queue)
        } else if maximumPriority > 0 {
            queue.arguments["x-max-priority"] = .int(maximumPriority)
        }
        return queue
    }

    private func addDeadLettering(to target: String, _ queue: inout AMQPQueue) {
        queue.arguments["x-dead-letter-exchange"] = ""
        queue.arguments["x-dead-letter-routing-key"] = .string(target)
        if type == .quorum {
            queue.arguments["x-dead-letter-strategy"] = "at-least-once"
            queue.arguments["x-overflow"] = "reject-publish"
        }
    }
}
