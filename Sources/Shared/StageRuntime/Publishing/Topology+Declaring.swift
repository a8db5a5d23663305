internal import AMQP
internal import JobModel
internal import Logging
internal import Queues

extension Topology {
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
