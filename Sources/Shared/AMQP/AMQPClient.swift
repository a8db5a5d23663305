package import Logging
import Synchronization
import Threads

/// A connection to a broker that is made again whenever it breaks.
///
/// One thread of its own does all input and output, and keeps the heartbeats going however long the application works
/// elsewhere. No call blocks a thread of the caller's; calls wait until the broker has answered or their time is up.
package final class AMQPClient: Sendable {
    private enum Phase {
        case idle
        case running(BlockingThread)
        case closed
    }

    private let core: ClientCore
    private let phase = Mutex(Phase.idle)

    /// - Parameters:
    ///   - endpoints: Tried in turn, from one that chance chooses, so that many clients spread over them.
    ///   - connectionName: Shown in the broker's list of connections.
    package init(
        endpoints: AMQPEndpoints,
        connectionName: String,
        configuration: AMQPConfiguration = AMQPConfiguration(),
        logger: Logger
    ) {
        core = ClientCore(
            endpoints: endpoints,
            connectionName: connectionName,
            configuration: configuration,
            logger: logger
        )
    }

    /// - Parameter connectionName: Shown in the broker's list of connections.
    package convenience init(
        endpoint: AMQPEndpoint,
        connectionName: String,
        configuration: AMQPConfiguration = AMQPConfiguration(),
        logger: Logger
    ) {
        self.init(
            endpoints: AMQPEndpoints(endpoint),
            connectionName: connectionName,
            configuration: configuration,
            logger: logger
        )
    }

    deinit {
        // Nobody can wait for the thread any more: it closes the connection and cleans up by itself.
        core.mailbox.requestClose()
        switch phase.withLock({ $0 }) {
        case .running: break
        case .idle, .closed: core.terminate()
        }
    }

    /// Starts the I/O thread, which connects, and connects again until ``close()``. A second start does nothing.
    ///
    /// - Throws: `.systemError` when there is no thread or descriptor to be had; `.closed`.
    package func start() throws(AMQPError) {
        let core = core
        try phase.withLock { phase throws(AMQPError) in
            switch phase {
            case .running: return
            case .closed: throw .clientClosed
            case .idle:
                let wakeDescriptor = try core.mailbox.open()
                let thread = try BlockingThread.forBroker(named: "amqp") {
                    IOLoop(core: core, wakeDescriptor: wakeDescriptor).run()
                    core.terminate()
                }
                phase = .running(thread)
            }
        }
    }

    /// Closes the connection, ends all consumers, fails the calls that wait (`.closed`, or `.unconfirmed` for messages
    /// that were sent), and waits for the end of the I/O thread. Takes at most a few seconds.
    package func close() async {
        core.mailbox.requestClose()
        let previous = phase.withLock { phase in
            defer { phase = .closed }
            return phase
        }
        if case .idle = previous { core.terminate() }
        await core.termination.wait()
        // The thread has nothing left to do but return.
        if case .running(let thread) = previous { thread.join() }
    }

    /// The connection's state now.
    package var state: ConnectionState { core.states.current }

    /// The connection's state now and every change; ends after `.closed`. Each access makes a stream of its own.
    package var states: AsyncStream<ConnectionState> { core.states.stream() }

    /// The endpoint of the last connection; nil before the first.
    package var connectedEndpoint: AMQPEndpoint? { core.connectedEndpoint.withLock { $0 } }

    /// The identity that the broker of the last connection gave; nil before the first.
    package var brokerIdentity: BrokerIdentity? { core.brokerIdentity.withLock { $0 } }

    /// - Throws: `CancellationError`, or ``AMQPError`` with the code `.closed`.
    package func waitUntilConnected() async throws {
        if state.isConnected { return }
        for await state in states where state.isConnected {
            return
        }
        try Task.checkCancellation()
        throw AMQPError.clientClosed
    }
}

extension AMQPClient {
    /// Makes sure that a queue exists. Repeating it is harmless.
    ///
    /// - Throws: `.preconditionFailed` when it exists with other properties; the connection goes on. `.timedOut`,
    ///   `.connectionFailed`, `.accessRefused`, `.invalidArgument`, `.closed`.
    package func declare(_ queue: AMQPQueue) async throws(AMQPError) {
        try AMQPLimits.checkTable(queue.arguments, name: "arguments", queue: queue.name)
        _ = try await perform(.declare(queue))
    }

    /// Messages that are ready for delivery (not those delivered and unsettled); nil when the queue does not exist.
    ///
    /// - Throws: like ``declare(_:)``.
    package func messageCount(queue: String) async throws(AMQPError) -> Int? {
        try await perform(.count(queue: queue))
    }

    /// Drops the messages that are ready for delivery, and returns their number.
    ///
    /// - Throws: `.notFound`, and like ``declare(_:)``.
    @discardableResult
    package func purge(queue: String) async throws(AMQPError) -> Int {
        try await perform(.purge(queue: queue)) ?? 0
    }

    /// Deletes a queue with all its messages, and returns their number. A queue that does not exist is no error.
    ///
    /// - Throws: like ``declare(_:)``.
    @discardableResult
    package func delete(queue: String) async throws(AMQPError) -> Int {
        try await perform(.delete(queue: queue)) ?? 0
    }

    private func perform(_ action: QueueRequest.Action) async throws(AMQPError) -> Int? {
        try AMQPLimits.checkQueueName(action.queue)
        let core = core
        let deadline = ContinuousClock.now + core.configuration.replyTimeout
        return try await Reply<Int?>.wait { reply in
            core.post(.queue(QueueRequest(action: action, deadline: deadline, reply: reply)))
        }
    }
}

extension AMQPClient {
    /// Publishes to a queue and waits until the broker has taken responsibility (on disk, for a persistent message in a
    /// durable queue). Waits for a connection if there is none. Many publishes may be under way at a time.
    ///
    /// - Throws: `.unroutable` when the queue does not exist. `.rejectedByBroker` (for example a full queue),
    ///   `.unconfirmed` and `.timedOut` are retriable; after `.unconfirmed` the message may have arrived.
    ///   `.invalidArgument`, `.closed`.
    package func publish(_ message: AMQPMessage, to queue: String) async throws(AMQPError) {
        let core = core
        try message.validate(queue: queue, maximumBodyBytes: core.configuration.maximumBodyBytes)
        try await Reply<Void>.wait { Self.post(message, to: queue, $0, core) }
    }

    /// Publishes as ``publish(_:to:)`` does, without waiting. Messages that this task, or a task after it, publishes
    /// later arrive later.
    ///
    /// - Parameter completion: called once, on any thread; it must not block.
    /// - Throws: `.invalidArgument`, and `completion` is not called then.
    package func publish(
        _ message: AMQPMessage,
        to queue: String,
        completion: @escaping @Sendable (Result<Void, AMQPError>) -> Void
    ) throws(AMQPError) {
        try message.validate(queue: queue, maximumBodyBytes: core.configuration.maximumBodyBytes)
        Self.post(message, to: queue, Reply(completion), core)
    }

    private static func post(_ message: AMQPMessage, to queue: String, _ reply: Reply<Void>, _ core: ClientCore) {
        let deadline = core.configuration.publishDeadline(bodyBytes: message.body.count)
        core.post(.publish(PublishRequest(message: message, queue: queue, deadline: deadline, reply: reply)))
    }

    /// Subscribes to a queue, now or as soon as there is a connection.
    ///
    /// - Parameters:
    ///   - queue: Declared before each subscribing unless `declaring` is false. If it exists with other properties, it
    ///     is consumed as it is, with a warning in the log.
    ///   - prefetch: Unsettled deliveries that the broker sends at most; 0 counts as 1.
    ///   - transactional: Deliveries can then be acknowledged together with publishing.
    ///   - maximumBodyBytes: Longest body handed out, where that is less than the client's limit.
    ///   - arguments: The arguments of each subscription, such as the place in a stream where it begins. Called on
    ///     another thread; must not block.
    ///   - trouble: Told each time that the broker refuses the subscription or ends it, and with nil each time that it
    ///     has taken it. Called on another thread; must not block. The end of a connection is none of its business.
    /// - Throws: `.invalidArgument`.
    package func consume(
        _ queue: AMQPQueue,
        prefetch: UInt16 = 1,
        transactional: Bool = false,
        declaring: Bool = true,
        maximumBodyBytes: Int = .max,
        arguments: @escaping @Sendable () -> [AMQPText: AMQPValue] = { [:] },
        trouble: @escaping @Sendable (AMQPError?) -> Void = { _ in }
    ) throws(AMQPError) -> AMQPConsumer {
        try AMQPLimits.checkQueueName(queue.name)
        try AMQPLimits.checkTable(queue.arguments, name: "arguments", queue: queue.name)
        let subscription = Subscription(
            queue: queue,
            prefetch: max(prefetch, 1),
            isTransactional: transactional,
            declaresQueue: declaring,
            maximumBodyBytes: maximumBodyBytes,
            arguments: arguments,
            trouble: trouble
        )
        core.post(.subscribe(subscription))
        return AMQPConsumer(subscription, core: core)
    }
    func makePuller(_ subscription: Subscription) -> AMQPPuller {
        core.post(.subscribe(subscription))
        return AMQPPuller(subscription, core: core)
    }
}
