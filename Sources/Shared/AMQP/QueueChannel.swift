/// The channel for operations on queues, one at a time: a failed one costs the channel, and must not take others along.
final class QueueChannel: Channel {
    struct Operation {
        var action: QueueRequest.Action
        var complete: (Result<Int?, AMQPError>) throws(AMQPError) -> Void
    }

    private var current: Operation?

    var isIdle: Bool { current == nil }

    func perform(_ operation: Operation) throws(AMQPError) {
        current = operation
        let connection = number
        switch operation.action {
        case .declare(let queue):
            try session.connection.declare(connection, queue, passive: false)
            expectCount(.queueDeclareOk)
        case .count(let queue):
            try session.connection.declare(connection, AMQPQueue(queue), passive: true)
            expectCount(.queueDeclareOk)
        case .purge(let queue):
            try session.connection.purge(connection, queue: queue)
            expectCount(.queuePurgeOk)
        case .delete(let queue):
            try session.connection.delete(connection, queue: queue)
            expectCount(.queueDeleteOk)
        }
    }

    private func expectCount(_ kind: Method.Kind) {
        expect(kind) { [unowned self] answer throws(AMQPError) in
            guard let operation = current else { return }
            current = nil
            let result = Self.result(answer, of: operation.action)
            // Completing may start another operation, which must find its turn taken by the one that waits longest.
            do throws(AMQPError) {
                try session.performNextQueueOperation()
            } catch {
                try operation.complete(result)
                throw error
            }
            try operation.complete(result)
        }
    }

    private static func result(_ answer: Answer, of action: QueueRequest.Action) -> Result<Int?, AMQPError> {
        switch answer {
        case .success(.queueDeclareOk(let count)), .success(.queuePurgeOk(let count)),
            .success(.queueDeleteOk(let count)):
            return .success(Int(count))
        case .success:
            return .success(nil)
        case .failure(let error):
            if case .count = action, error.code == .notFound { return .success(nil) }
            return .failure(error.about(queue: action.queue))
        }
    }
}
