internal import AMQP
internal import JobModel
internal import Logging

/// The queues of one kind.
struct Topology: Sendable {
    let layout: QueueLayout
    let kind: MediaKind

    var names: QueueNames { layout.names }

    func work(_ stage: Stage) -> AMQPQueue { layout.work(kind, stage) }
    var updates: AMQPQueue { layout.updates(kind) }
    var dead: AMQPQueue { layout.dead(kind) }
    var legacyRequests: AMQPQueue { layout.legacyRequests(kind) }

    /// The queue that a stage takes messages from besides this host's own; nil when there is none.
    func shared(_ stage: Stage) -> AMQPQueue? {
        names.node != nil && QueueNames.sharedStages.contains(stage) ? layout.shared(kind, stage) : nil
    }

    /// The same of another host.
    func work(_ stage: Stage, of node: String) -> AMQPQueue {
        var other = layout
        other.names = names.of(node: node)
        return other.work(kind, stage)
    }

    /// Messages come back to the stage's own queue when the delay is over.
    func retry(_ stage: Stage, delayMilliseconds: Int) -> AMQPQueue {
        layout.retry(kind, stage, delayMilliseconds: delayMilliseconds)
    }

    func all(of stage: Stage) -> [AMQPQueue] {
        var queues = Stage.allCases.map(work) + [updates, dead]
        // Messages that the shared queue of downloads gives up go to that of clean-up.
        if shared(stage) != nil { queues += Stage.allCases.compactMap(shared) }
        if stage.traits.takesNewJobs { queues.append(legacyRequests) }
        return queues + layout.retryDelaysMilliseconds.map { retry(stage, delayMilliseconds: $0) }
    }

    /// The stage whose queue this is, this host's own or a shared one.
    func stage(ofQueue name: String) -> Stage? {
        Stage.allCases.first { names.work(kind, $0) == name || names.shared(kind, $0) == name }
    }

    /// Declares everything that a worker of `stage` publishes to or consumes. A queue that exists with other arguments
    /// is used as it is.
    func declareAll(of stage: Stage, on transport: any MessageTransport, logger: Logger) async throws(AMQPError) {
        for queue in all(of: stage) { try await declare(queue, on: transport, logger: logger) }
    }

    func declare(_ queue: AMQPQueue, on transport: any MessageTransport, logger: Logger) async throws(AMQPError) {
        do {
            try await transport.declare(queue)
        } catch  where error.code == .preconditionFailed {
            let reason: String
            do throws(AMQPError) {
                let differences = try await transport.differences(of: queue, otherwise: layout.otherwise(queue))
                if differences.isEmpty { return }
                reason = differences.map { "\($0): \($0.cost)" }.joined(separator: "; ")
            } catch  where error.code == .preconditionFailed {
                reason = error.message
            }
            logger.warning(
                """
                the queue exists with other arguments and is used as it is; to change it, let it run empty, delete it \
                and restart the workers
                """,
                metadata: ["queue.name": "\(queue.name)", "cause": "\(reason)"]
            )
        }
    }
}
