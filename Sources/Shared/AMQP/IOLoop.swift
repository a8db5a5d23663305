import Glibc
import Logging
import Synchronization

/// The work of the I/O thread: connect, serve the connection, connect again, until the client is closed.
///
/// Created and used on that thread alone.
final class IOLoop {
    private let core: ClientCore
    private let wakeDescriptor: Int32
    /// The broker's nodes, in the order in which they are tried.
    private let endpoints: [AMQPEndpoint]
    private var endpointIndex = 0
    private var isConnected = false
    private var troubles = ConnectionTroubles()
    private var subscriptions: [Subscription] = []
    /// Commands that wait for a connection.
    private var waiting: [Command] = []
    private var isClosing = false

    init(core: ClientCore, wakeDescriptor: Int32) {
        self.core = core
        self.wakeDescriptor = wakeDescriptor
        endpoints = core.endpoints.all.shuffled()
    }

    func run() {
        var failures = 0
        takeCommands()
        while !isClosing {
            let started = ContinuousClock.now
            let endpoint = endpoints[endpointIndex]
            isConnected = false
            do throws(AMQPError) {
                try connectAndServe(endpoint)
            } catch {
                // A connection that held for a while ended for a new reason.
                failures = ContinuousClock.now - started > .seconds(30) ? 1 : failures + 1
                // The next address is tried at once; the wait comes after the last one.
                endpointIndex = (endpointIndex + 1) % endpoints.count
                let (rounds, rest) = failures.quotientAndRemainder(dividingBy: endpoints.count)
                let delay = rest == 0 ? core.configuration.backoff.delay(afterFailures: rounds) : .zero
                let log = core.log(of: endpoint)
                if isConnected {
                    log.connectionLost(error)
                } else {
                    let isNews = troubles.isNews(error.code, of: endpoint, at: .now)
                    log.noConnection(error, attempt: failures, retryIn: delay, isNews: isNews)
                }
                core.states.send(.disconnected(error))
                pause(for: delay)
            }
        }
        for subscription in subscriptions {
            subscription.finish()
        }
        for command in waiting {
            command.fail(.clientClosed)
        }
    }

    private func connectAndServe(_ endpoint: AMQPEndpoint) throws(AMQPError) {
        let log = core.log(of: endpoint)
        let connection = try BrokerConnection(
            to: endpoint,
            name: core.connectionName,
            configuration: core.configuration
        )
        log.info("Connected to the broker.")
        isConnected = true
        troubles.clear()
        core.brokerIdentity.withLock { $0 = connection.brokerIdentity }
        core.connectedEndpoint.withLock { $0 = endpoint }
        let session = Session(connection, core: core, log: log)
        do throws(AMQPError) {
            try serve(session)
        } catch {
            waiting = session.end(error) + waiting
            throw error
        }
        // No message can be sent any more.
        for command in session.end(.clientClosed) {
            command.fail(.clientClosed)
        }
        session.connection.close()
        log.info("Closed the connection to the broker.")
    }

    /// Returns when the client is to be closed.
    private func serve(_ session: Session) throws(AMQPError) {
        try session.begin(subscriptions)
        // This is often enough for the library to send a heartbeat in each interval.
        let heartbeat = session.connection.heartbeat
        let longestWait: Duration = heartbeat == .zero ? .seconds(30) : max(heartbeat / 4, .milliseconds(100))
        while true {
            takeCommands()
            if isClosing { return }
            try perform(on: session)
            // Commands get their turn even while frames keep coming.
            var budget = 256
            while budget > 0, let frame = try session.connection.nextFrame() {
                try session.handle(frame)
                budget -= 1
            }
            let now = ContinuousClock.now
            try session.expire(now)
            guard budget > 0 else { continue }
            let wait = session.deadline.map { min(now.duration(to: $0), longestWait) } ?? longestWait
            poll(session.connection.socketDescriptor, for: wait)
        }
    }

    private func perform(on session: Session) throws(AMQPError) {
        while !waiting.isEmpty {
            let command = waiting.removeFirst()
            switch command {
            case .subscribe(let subscription):
                subscriptions.append(subscription)
                try session.subscribe(subscription)
            case .unsubscribe(let subscription, let reply):
                subscriptions.removeAll { $0 === subscription }
                try session.unsubscribe(subscription) { reply?.succeed() }
            case .publish, .queue, .settle, .pull:
                try session.perform(command)
            }
        }
    }

    // MARK: Without a connection

    private func pause(for delay: Duration) {
        let end = ContinuousClock.now + delay
        while !isClosing {
            takeCommands()
            handleOffline()
            let now = ContinuousClock.now
            guard now < end, !isClosing else { return }
            poll(nil, for: now.duration(to: waiting.compactMap(\.deadline).min().map { min($0, end) } ?? end))
        }
    }

    private func handleOffline() {
        let now = ContinuousClock.now
        let commands = waiting
        waiting.removeAll()
        for command in commands {
            switch command {
            case .subscribe(let subscription):
                subscriptions.append(subscription)
            case .unsubscribe(let subscription, let reply):
                subscriptions.removeAll { $0 === subscription }
                subscription.finish()
                reply?.succeed()
            case .settle(let request):
                request.reply.fail(.stale(queue: request.queue, because: "the connection was lost"))
            case .publish, .queue, .pull:
                if let deadline = command.deadline, deadline <= now {
                    command.fail(.waitedInVain(reason))
                } else {
                    waiting.append(command)
                }
            }
        }
    }

    private var reason: String? {
        if case .disconnected(let error) = core.states.current { error.message } else { nil }
    }

    // MARK: Waiting

    private func takeCommands() {
        let (commands, isClosing) = core.mailbox.take()
        waiting += commands
        self.isClosing = isClosing
    }

    /// Waits for a frame, a command, or the end of the time.
    private func poll(_ socketDescriptor: Int32?, for duration: Duration) {
        var descriptors = [pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0)]
        if let socketDescriptor {
            descriptors.append(pollfd(fd: socketDescriptor, events: Int16(POLLIN), revents: 0))
        }
        // Rounded up: a wait that ends before its deadline would only be repeated.
        let (seconds, attoseconds) = max(duration, .zero).components
        let milliseconds = min(seconds, 3600) * 1000 + attoseconds / 1_000_000_000_000_000 + 1
        _ = Glibc.poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: milliseconds))
    }
}
