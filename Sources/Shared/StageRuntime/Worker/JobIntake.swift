package import AMQP
internal import Synchronization

/// The worker's subscription to its queue, which can be given up while a job is worked on and is made again after it.
package final class JobIntake: Sendable {
    private struct State {
        var subscription: (any MessageSubscription)?
        var isStopped = false
    }

    private let transport: any MessageTransport
    private let queue: AMQPQueue
    private let isTransactional: Bool
    private let state: Mutex<State>

    /// Subscribes.
    ///
    /// - Parameter isPaused: to subscribe only when ``run(whenever:_:)`` finds it ready.
    /// - Throws: `AMQPError` with the code `invalidArgument` when there can be no such queue.
    package init(
        _ transport: any MessageTransport,
        _ queue: AMQPQueue,
        transactional: Bool = false,
        isPaused: Bool = false
    ) throws(AMQPError) {
        self.transport = transport
        self.queue = queue
        isTransactional = transactional
        state = Mutex(
            State(subscription: isPaused ? nil : try transport.subscribe(to: queue, transactional: transactional))
        )
    }

    /// Hands over one delivery after the other, until stopped.
    ///
    /// - Parameter ready: returns when the queue may be subscribed to again after a pause.
    package func run(
        whenever ready: () async -> Void = {},
        _ handle: (any ReceivedMessage) async -> Void
    ) async {
        while !isStopped {
            if isPaused { await ready() }
            guard let subscription = subscription() else { return }
            while let message = await subscription.next() { await handle(message) }
        }
    }

    /// Gives the subscription up until the delivery at hand is done. Deliveries that nobody has seen are back in their
    /// queue when this returns.
    package func pause() async {
        let subscription = state.withLock { state in
            defer { state.subscription = nil }
            return state.subscription
        }
        await subscription?.stop()
    }

    private var isPaused: Bool { state.withLock { $0.subscription == nil } }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Gives the subscription up; it is not made again.
    package func stop() async {
        state.withLock { $0.isStopped = true }
        await pause()
    }

    private func subscription() -> (any MessageSubscription)? {
        state.withLock { state in
            if state.isStopped || Task.isCancelled || transport.state == .closed { return nil }
            if let subscription = state.subscription { return subscription }
            state.subscription = try? transport.subscribe(to: queue, transactional: isTransactional)
            return state.subscription
        }
    }
}
