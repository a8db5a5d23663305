internal import AMQP
internal import Synchronization

/// The worker's subscription to its queue, which can be given up while a job is worked on and is made again after it.
final class JobIntake: Sendable {
    private struct State {
        var consumer: AMQPConsumer?
        var isStopped = false
    }

    private let client: AMQPClient
    private let queue: AMQPQueue
    private let isTransactional: Bool
    private let state: Mutex<State>

    /// Subscribes.
    ///
    /// - Parameter isPaused: to subscribe only when ``run(whenever:_:)`` finds it ready.
    /// - Throws: `AMQPError` with the code `invalidArgument` when there can be no such queue.
    init(
        _ client: AMQPClient,
        _ queue: AMQPQueue,
        transactional: Bool = false,
        isPaused: Bool = false
    ) throws(AMQPError) {
        self.client = client
        self.queue = queue
        isTransactional = transactional
        state = Mutex(State(consumer: isPaused ? nil : try client.consume(queue, transactional: transactional)))
    }

    /// Hands over one delivery after the other, until stopped.
    ///
    /// - Parameter ready: returns when the queue may be subscribed to again after a pause.
    func run(
        whenever ready: () async -> Void = {},
        _ handle: (AMQPDelivery) async -> Void
    ) async {
        while !isStopped {
            if isPaused { await ready() }
            guard let consumer = subscription() else { return }
            let deliveries = consumer.makeAsyncIterator()
            while let delivery = await deliveries.next() { await handle(delivery) }
        }
    }

    /// Gives the subscription up until the delivery at hand is done. Deliveries that nobody has seen are back in their queue
    /// when this returns.
    func pause() async {
        let consumer = state.withLock { state in
            defer { state.consumer = nil }
            return state.consumer
        }
        await consumer?.stop()
    }

    private var isPaused: Bool { state.withLock { $0.consumer == nil } }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Gives the subscription up for good.
    func stop() async {
        state.withLock { $0.isStopped = true }
        await pause()
    }

    private func subscription() -> AMQPConsumer? {
        state.withLock { state in
            if state.isStopped || Task.isCancelled || client.state == .closed { return nil }
            if let consumer = state.consumer { return consumer }
            state.consumer = try? client.consume(queue, transactional: isTransactional)
            return state.consumer
        }
    }
}
