import Synchronization

/// The parameters of a consumer, and the deliveries that wait for the application. It outlives connections.
final class Subscription: Sendable {
    let queue: AMQPQueue
    let prefetch: UInt16
    let isTransactional: Bool
    /// Whether the queue is declared before each subscribing.
    let declaresQueue: Bool
    /// Whether the broker sends only messages that were requested.
    let isPulled: Bool
    /// Besides the limit of the client.
    let maximumBodyBytes: Int
    /// The arguments of each subscription; called on the I/O thread.
    let arguments: @Sendable () -> [AMQPText: AMQPValue]
    /// Told why the queue cannot be consumed, and with nil that it is; called on the I/O thread.
    let trouble: @Sendable (AMQPError?) -> Void

    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<AMQPDelivery?, Never>
    }

    private struct State {
        // At most `prefetch` deliveries: the broker sends no more before one is settled.
        var deliveries: [AMQPDelivery] = []
        var waiters: [Waiter] = []
        var nextWaiterID: UInt64 = 0
        var isFinished = false
    }

    private let state = Mutex(State())

    init(
        queue: AMQPQueue,
        prefetch: UInt16,
        isTransactional: Bool,
        declaresQueue: Bool,
        maximumBodyBytes: Int = .max,
        arguments: @escaping @Sendable () -> [AMQPText: AMQPValue] = { [:] },
        trouble: @escaping @Sendable (AMQPError?) -> Void = { _ in }
    ) {
        self.queue = queue
        self.prefetch = prefetch
        self.isTransactional = isTransactional
        self.declaresQueue = declaresQueue
        self.maximumBodyBytes = maximumBodyBytes
        isPulled = false
        self.arguments = arguments
        self.trouble = trouble
    }

    init(pullingFrom queue: AMQPQueue) {
        self.queue = queue
        prefetch = 1
        isTransactional = false
        declaresQueue = false
        maximumBodyBytes = .max
        isPulled = true
        arguments = { [:] }
        trouble = { _ in }
    }

    /// Hands a delivery to the application, now or when it asks. False when the subscription is over: the delivery must
    /// go back to its queue.
    func offer(_ delivery: AMQPDelivery) -> Bool {
        let (isTaken, waiter) = state.withLock { state -> (Bool, Waiter?) in
            guard !state.isFinished else { return (false, nil) }
            guard state.waiters.isEmpty else { return (true, state.waiters.removeFirst()) }
            state.deliveries.append(delivery)
            return (true, nil)
        }
        waiter?.continuation.resume(returning: delivery)
        return isTaken
    }

    /// The next delivery; nil when the subscription is over or the task is cancelled.
    func next() async -> AMQPDelivery? {
        let id = state.withLock { state in
            defer { state.nextWaiterID += 1 }
            return state.nextWaiterID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate = state.withLock { state -> AMQPDelivery?? in
                    // The cancellation handler may have run already and found nobody.
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    if !state.deliveries.isEmpty { return state.deliveries.removeFirst() }
                    state.waiters.append(Waiter(id: id, continuation: continuation))
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(returning: nil)
        }
    }

    /// The deliveries that wait for the application, the oldest first.
    func takeWaiting() -> [AMQPDelivery] {
        state.withLock { state in
            defer { state.deliveries.removeAll() }
            return state.deliveries
        }
    }

    /// Ends the sequence; returns the deliveries that nobody has seen.
    @discardableResult
    func finish() -> [AMQPDelivery] {
        let (waiters, deliveries) = state.withLock { state in
            state.isFinished = true
            defer {
                state.waiters.removeAll()
                state.deliveries.removeAll()
            }
            return (state.waiters, state.deliveries)
        }
        for waiter in waiters {
            waiter.continuation.resume(returning: nil)
        }
        return deliveries
    }

    /// Forgets unseen deliveries of a channel that is gone: the broker delivers them again.
    func discardUnseen() {
        state.withLock { $0.deliveries.removeAll() }
    }
}
