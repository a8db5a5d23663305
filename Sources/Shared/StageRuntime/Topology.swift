internal import AMQP
internal import JobModel
internal import Logging

/// The queues of one kind, declared as existing clients declare them: durable and without arguments.
struct Topology: Sendable {
    let names: QueueNames
    let kind: MediaKind

    func work(_ stage: Stage) -> AMQPQueue { AMQPQueue(names.work(kind, stage)) }
    var updates: AMQPQueue { AMQPQueue(names.updates(kind)) }
    var dead: AMQPQueue { AMQPQueue(names.dead(kind)) }
    var legacyRequests: AMQPQueue { AMQPQueue(names.legacyRequests(kind)) }

    /// Messages come back to the stage's own queue when the delay is over.
    func retry(_ stage: Stage, delayMilliseconds: Int) -> AMQPQueue {
        AMQPQueue(
            names.retry(kind, stage, delayMilliseconds: delayMilliseconds),
            arguments: [
                "x-message-ttl": .int(Int64(delayMilliseconds)),
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": .string(names.work(kind, stage)),
            ]
        )
    }

    func all(of stage: Stage) -> [AMQPQueue] {
        var queues = Stage.allCases.map(work) + [updates, dead]
        if stage == .download { queues.append(legacyRequests) }
        return queues + QueueNames.retryDelaysMilliseconds.map { retry(stage, delayMilliseconds: $0) }
    }

    /// Declares everything that a worker of `stage` publishes to or consumes. A queue that exists with other arguments is
    /// used as it is.
    func declareAll(of stage: Stage, on client: AMQPClient, logger: Logger) async throws(AMQPError) {
        for queue in all(of: stage) { try await declare(queue, on: client, logger: logger) }
    }

    func declare(_ queue: AMQPQueue, on client: AMQPClient, logger: Logger) async throws(AMQPError) {
        do {
            try await client.declare(queue)
        } catch  where error.code == .preconditionFailed {
            logger.warning(
                "the queue exists with other arguments and is used as it is",
                metadata: ["queue.name": "\(queue.name)", "cause": "\(error.message)"]
            )
        }
    }
}
