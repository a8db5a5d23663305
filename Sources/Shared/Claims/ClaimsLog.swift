package import AMQP
package import JobModel
package import Logging
package import Queues
internal import Synchronization
package import TempFiles

/// The log in which the hosts that share a broker record which of them takes which job of a kind: a RabbitMQ stream.
/// Its order is the same for all hosts, so it decides between two hosts that have messages of one job; see
/// docs/decisions/0017-claims.md.
///
/// Records that are read go to the ledger, so that one process reads them for the whole host, and none reads them again
/// after a restart.
package final class ClaimsLog: Sendable {
    /// The number of records that may be under way to a reader.
    static let prefetch: UInt16 = 256
    /// The longest body that is taken into memory, whoever sent it. Our own records have a job's id.
    static let maximumBodyBytes = 4096
    /// If no record comes for this long after one was written, the place where the log is read is wrong.
    static let patience = Duration.seconds(20)
    /// The longest time that a worker waits for its record, also when others come all the time.
    static let longestWait = Duration.seconds(120)
    /// The time between two looks into the ledger: another process of the host may read the record instead, and tells
    /// nobody.
    static let lookInterval = Duration.seconds(1)

    /// Within this time the last record that is known comes once more from where it was, if there is one there.
    static let proofTime = Duration.seconds(5)

    /// The reason why the log is read from its beginning.
    enum Restart {
        case inDoubt, another
    }

    struct State {
        var isReady = false
        var problem: (text: String, said: ContinuousClock.Instant)?
        var consumer: AMQPConsumer?
        var restart: Restart?
        /// Batches so far.
        var progress = 0
        /// Tokens of records that somebody here waits for, and whether they were read.
        var awaited: [String: Bool] = [:]
        var waiters: [String: CheckedContinuation<Void, Never>] = [:]
    }

    package let node: String
    let kind: MediaKind
    let queue: AMQPQueue
    let client: AMQPClient
    private let endpoints: AMQPEndpoints
    let tracker: TempFileTracker
    let logger: Logger
    let state = Mutex(State())

    /// - Parameters:
    ///   - layout: of a host with a name of its own.
    ///   - client: carries the records.
    ///   - endpoints: of the same broker, for a first look.
    package init?(
        _ kind: MediaKind,
        layout: QueueLayout,
        client: AMQPClient,
        endpoints: AMQPEndpoints,
        tracker: TempFileTracker,
        logger: Logger
    ) {
        guard let node = layout.names.node else { return nil }
        self.node = node
        self.kind = kind
        queue = layout.claims(kind)
        self.client = client
        self.endpoints = endpoints
        self.tracker = tracker
        self.logger = logger
    }

    /// Whether the broker is known to have the log.
    package var isReady: Bool { state.withLock { $0.isReady } }

    /// To be called when the connection was lost: the next one may lead to a broker without the log.
    package func noteConnectionLost() { state.withLock { $0.isReady = false } }

    /// Makes sure that the broker has the log, once for each connection. It uses a connection of its own, because a
    /// broker whose streams are switched off ends the connection of a client that declares one.
    package func prepare() async throws(AMQPError) {
        if isReady { return }
        let probe = AMQPClient(
            endpoints: endpoints,
            connectionName: "claims",
            configuration: AMQPConfiguration(replyTimeout: .seconds(10), publishTimeout: .seconds(10)),
            logger: Logger(label: "claims") { _ in SwiftLogNoOpLogHandler() }
        )
        try probe.start()
        do throws(AMQPError) {
            try await Self.declare(queue, probe)
        } catch {
            await probe.close()
            say(error)
            throw error
        }
        await probe.close()
        state.withLock { $0.isReady = true }
    }

    private static func declare(_ queue: AMQPQueue, _ client: AMQPClient) async throws(AMQPError) {
        do {
            try await client.declare(queue)
        } catch  where error.code == .preconditionFailed {
            // Other limits of length and age do no harm. A queue of another type would give each record to one reader
            // only.
            let differences = try await client.differences(of: queue)
            guard differences.allSatisfy({ $0.argument != "x-queue-type" }) else { throw error }
        }
    }

    private func say(_ error: AMQPError) {
        let problem = error.message
        let isNews = state.withLock { state in
            if let known = state.problem, known.text.utf8.elementsEqual(problem.utf8), .now - known.said < .seconds(600)
            {
                return false
            }
            state.problem = (problem, .now)
            return true
        }
        guard isNews else { return }
        if error.code == .notFound {
            logger.warning(
                "no job is taken from the shared queues while the broker cannot reach its stream, as after a restart",
                metadata: [LogKey.queueName: "\(queue.name)", LogKey.cause: "\(problem)"]
            )
            return
        }
        logger.error(
            """
            no job is taken from the shared queues: hosts that share a broker (NODE_ID) need its streams, \
            which RabbitMQ has since 3.9 with the feature flag stream_queue
            """,
            metadata: [LogKey.queueName: "\(queue.name)", LogKey.cause: "\(problem)"]
        )
    }
}
