package import AMQP
import Queues
package import StageRuntime
import Synchronization

/// A connection of one process to a ``MemoryBroker``.
package final class MemoryTransport: MessageTransport {
    package enum Operation: Sendable, Hashable {
        case publish(String)
        case acknowledge
        case commit
        case giveBack
    }

    package enum Fault: Sendable {
        /// The connection is lost before the broker has heard of the operation.
        case lostBefore
        /// The broker has done it, and the connection is lost before the answer.
        case lostAfter
        /// The broker refuses it.
        case refused(AMQPError.Code)
        /// The queue is gone.
        case queueDeleted
    }

    private struct State {
        var number: Int
        var isConnected = true
        var isClosed = false
        var followers: [AsyncStream<ConnectionState>.Continuation] = []
        var waiting: [Int: UnsafeContinuation<Void, Never>] = [:]
    }

    /// Between a lost connection and the next one.
    private static let reconnectTime = Duration.milliseconds(250)

    let broker: MemoryBroker
    let process: SimulatedProcess
    private let journal: Journal
    private let connection: Mutex<State>
    /// Asked before each operation.
    private let fault: @Sendable (Operation) -> Fault?

    package init(
        _ broker: MemoryBroker,
        _ process: SimulatedProcess,
        fault: @escaping @Sendable (Operation) -> Fault? = { _ in nil }
    ) {
        self.broker = broker
        self.process = process
        self.fault = fault
        journal = broker.journal
        connection = Mutex(State(number: broker.newNumber()))
        process.whenDead { [self] in broker.requeue(connection: number) }
    }

    var number: Int { connection.withLock { $0.number } }

    /// Breaks the connection; the next one follows by itself.
    package func lose() {
        let lost = connection.withLock { state in
            state.isConnected = false
            defer { state.number = broker.newNumber() }
            return state.number
        }
        journal.note("lost")
        tellFollowers()
        broker.requeue(connection: lost)
        broker.simulation.at(broker.simulation.now + Self.reconnectTime) { [self] in
            let waiting = connection.withLock { state in
                state.isConnected = true
                defer { state.waiting = [:] }
                return state.waiting.sorted { $0.key < $1.key }.map(\.value)
            }
            if process.isDead { return }
            tellFollowers()
            for continuation in waiting { continuation.resume() }
        }
    }

    // MARK: - Its connection

    package var state: ConnectionState {
        connection.withLock { $0.isClosed ? .closed : $0.isConnected ? .connected : .connecting }
    }
    package var states: AsyncStream<ConnectionState> {
        let (states, follower) = AsyncStream.makeStream(of: ConnectionState.self)
        connection.withLock { $0.followers.append(follower) }
        follower.yield(state)
        return states
    }

    private func tellFollowers() {
        let (followers, now) = (connection.withLock { $0.followers }, state)
        for follower in followers { follower.yield(now) }
    }

    package func start() throws(AMQPError) {}

    package func close() async {
        connection.withLock { $0.isClosed = true }
        broker.noteClosed(connection: number)
        broker.requeue(connection: number)
        for follower in connection.withLock({ $0.followers }) { follower.finish() }
    }

    package func waitUntilConnected() async throws {
        let waiter = broker.newNumber()
        try await withTaskCancellationHandler {
            while !connection.withLock({ $0.isConnected }) {
                try Task.checkCancellation()
                await connect(as: waiter)
            }
        } onCancel: {
            connection.withLock { $0.waiting.removeValue(forKey: waiter) }?.resume()
        }
    }

    /// Returns when there may be a connection.
    private func connect(as waiter: Int) async {
        await withUnsafeContinuation { continuation in
            let isConnected = connection.withLock { state in
                if !state.isConnected { state.waiting[waiter] = continuation }
                return state.isConnected
            }
            if isConnected { continuation.resume() }
        }
    }

    // MARK: - Publishing

    package func publish(_ message: AMQPMessage, to queue: String) async throws(AMQPError) {
        await Task.yield()
        // A client's publish waits for a connection, whatever becomes of its task.
        while !connection.withLock({ $0.isConnected }) { await connect(as: broker.newNumber()) }
        let before = number
        let fault = fault(.publish(queue))
        switch fault {
        case .lostBefore?:
            lose()
            throw AMQPError(.unconfirmed, "lost before the broker had it", isRetriable: true, queue: queue)
        case .refused(let code)?:
            journal.note("refused \(journal(queue, message))")
            let isRetriable = code != .invalidArgument
            throw AMQPError(code, "refused", isRetriable: isRetriable, queue: queue)
        case .queueDeleted?: broker.delete(queue)
        case .lostAfter?, nil: break
        }
        guard broker.has(queue) else {
            journal.note("unroutable \(journal(queue, message))")
            throw AMQPError(.unroutable, "no such queue", isRetriable: false, queue: queue)
        }
        broker.store(message, in: queue)
        journal.note(journal(queue, message))
        if case .lostAfter? = fault { lose() }
        await Task.yield()
        if number != before { throw AMQPError(.unconfirmed, "lost", isRetriable: true, queue: queue) }
    }

    package func publish(firstFitting copies: [AMQPMessage], to queue: String) async throws(AMQPError) {
        guard let first = copies.first else { return }
        try await publish(first, to: queue)
    }

    package func publish(
        _ message: AMQPMessage,
        to queue: String,
        completion: @escaping @Sendable (Result<Void, AMQPError>) -> Void
    ) throws(AMQPError) {
        broker.store(message, in: queue)
        journal.note(journal(queue, message))
        completion(.success(()))
    }

    func journal(_ queue: String, _ message: AMQPMessage) -> String { Shorthand.publish(queue, message) }

    package func declare(_ queue: AMQPQueue) async throws(AMQPError) {
        await Task.yield()
        if !broker.has(queue.name) { journal.note("declare \(Shorthand.queue(queue.name))") }
        broker.declare(queue)
    }

    package func differences(
        of queue: AMQPQueue,
        otherwise other: AMQPQueue?
    ) async throws(AMQPError) -> [QueueDifference] { [] }

    package func messageCount(queue: String) async throws(AMQPError) -> Int? { broker.count(queue) }

    package func subscribe(
        to queue: AMQPQueue,
        transactional: Bool
    ) throws(AMQPError) -> any MessageSubscription {
        broker.declare(queue)
        return MemorySubscription(transport: self, queue: queue.name, isTransactional: transactional)
    }

    // MARK: - Settling

    /// - Returns: the fault to heed when it is done.
    func settle(
        _ message: MemoryMessage,
        _ operation: Operation,
        publishingTo queues: [String] = [],
        _ body: () throws(AMQPError) -> Void
    ) async throws(AMQPError) {
        await Task.yield()
        guard !message.isSettled else {
            throw AMQPError(.alreadySettled, "settled before", isRetriable: false, queue: message.queue)
        }
        let fault = fault(operation)
        if case .lostBefore? = fault { lose() }
        guard number == message.connection, broker.isUnsettled(message.stored.number, connection: number) else {
            if case .lostBefore? = fault, operation == .commit {
                throw AMQPError(.unconfirmed, "lost", isRetriable: true, queue: message.queue)
            }
            throw AMQPError(.staleDelivery, "the connection is another", isRetriable: false, queue: message.queue)
        }
        if case .refused(let code)? = fault {
            journal.note("refused \(operation)")
            throw AMQPError(code, "refused", isRetriable: true, queue: message.queue)
        }
        if case .queueDeleted? = fault, let first = queues.first { broker.delete(first) }
        try body()
        message.settle()
        if case .lostAfter? = fault {
            lose()
            throw AMQPError(.unconfirmed, "lost before the answer", isRetriable: true, queue: message.queue)
        }
        await Task.yield()
    }
}
