public import AMQP
internal import CrashPoints
internal import FoundationEssentials
public import JobModel
public import Logging
internal import ServiceKit
internal import Synchronization
public import TempFiles

/// The log in which the hosts that share a broker write down who takes which job of a kind: a RabbitMQ stream. Its order is the
/// same for all, so it decides between two hosts that have messages of one job; see docs/decisions/0017-claims.md.
///
/// What is read goes to the ledger, so that it is read once for the host and not again after a restart.
public final class ClaimsLog: Sendable {
    /// Records that are under way to a reader.
    static let prefetch: UInt16 = 256
    /// Without a record for so long after one was written, the log that is read is another one than that which was written to.
    static let patience = Duration.seconds(20)

    private struct State {
        var isReady = false
        var problem: (text: String, said: ContinuousClock.Instant)?
        var consumer: AMQPConsumer?
        var isToRestart = false
        /// Batches so far.
        var progress = 0
        /// Tokens of records that somebody here waits for, and whether they were read.
        var awaited: [String: Bool] = [:]
        var waiters: [String: CheckedContinuation<Void, Never>] = [:]
    }

    public let node: String
    private let kind: MediaKind
    private let queue: AMQPQueue
    private let client: AMQPClient
    private let endpoints: AMQPEndpoints
    private let tracker: TempFileTracker
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - layout: of a host with a name of its own.
    ///   - client: carries the records.
    ///   - endpoints: of the same broker, for a first look.
    public init?(
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
    public var isReady: Bool { state.withLock { $0.isReady } }

    /// Makes sure that the broker has the log, once. Over a connection of its own: a broker whose streams are switched off ends
    /// the connection of whoever declares one.
    public func prepare() async throws(AMQPError) {
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
            say(error.message)
            throw error
        }
        await probe.close()
        state.withLock { $0.isReady = true }
    }

    private static func declare(_ queue: AMQPQueue, _ client: AMQPClient) async throws(AMQPError) {
        do {
            try await client.declare(queue)
        } catch  where error.code == .preconditionFailed {
            // Other limits of length and age do no harm. A queue of another type would give each record to one reader only.
            let differences = try await client.differences(of: queue)
            guard differences.allSatisfy({ $0.argument != "x-queue-type" }) else { throw error }
        }
    }

    private func say(_ problem: String) {
        let isNews = state.withLock { state in
            if let known = state.problem, known.text == problem, .now - known.said < .seconds(600) { return false }
            state.problem = (problem, .now)
            return true
        }
        guard isNews else { return }
        logger.error(
            """
            no job is taken from the shared queues: hosts that share a broker (NODE_ID) need its streams, which RabbitMQ has since \
            3.9 with the feature flag stream_queue
            """,
            metadata: [LogKey.queueName: "\(queue.name)", LogKey.cause: "\(problem)"]
        )
    }
}

// MARK: - Reading

extension ClaimsLog {
    /// The last record that was noted.
    private final class Place: Sendable {
        let position: Mutex<Int64>
        init(_ position: Int64) { self.position = Mutex(position) }

        var next: AMQPValue {
            let position = position.withLock { $0 }
            return position < 0 ? "first" : .int(position + 1)
        }
    }

    /// Keeps the ledger up to date until the task is cancelled or the client is closed.
    ///
    /// - Parameter onWish: called with each job of this host that somebody wants cancelled, or may want so.
    public func follow(_ onWish: @Sendable (JobKey) async -> Void = { _ in }) async {
        var failures = 0
        while !Task.isCancelled {
            do {
                try await client.waitUntilConnected()
                try await prepare()
                try await read(onWish)
                failures = 0
            } catch let error as AMQPError where error.code == .closed {
                return
            } catch {
                failures += 1
                logger.log(
                    level: failures == 1 && isReady && !(error is CancellationError) ? .warning : .debug,
                    "the claims of hosts are not read, trying again by itself",
                    metadata: [LogKey.queueName: "\(queue.name)", LogKey.cause: "\(error)"]
                )
            }
            // Cancelled meanwhile: the loop ends.
            try? await Task.sleep(for: .milliseconds(min(100 << min(failures, 6), 5_000)))
        }
    }

    /// Returns when reading has to begin at another place.
    private func read(_ onWish: @Sendable (JobKey) async -> Void) async throws {
        let place = Place(try await tracker.claimsPosition(of: queue.name) ?? -1)
        let consumer = try client.consume(queue, prefetch: Self.prefetch) { ["x-stream-offset": place.next] }
        state.withLock { $0.consumer = consumer }
        do {
            for await first in consumer {
                let batch = [first] + consumer.takeWaiting()
                guard try await note(batch, place, onWish) else { break }
                await withTaskGroup(of: Void.self) { group in
                    // Asks for more; the log keeps what was read.
                    for delivery in batch { group.addTask { try? await delivery.acknowledge() } }
                }
            }
        } catch {
            await consumer.stop()
            throw error
        }
        await consumer.stop()
        let isToRestart = state.withLock { state in
            defer { state.isToRestart = false }
            state.consumer = nil
            return state.isToRestart
        }
        if isToRestart { try await tracker.restartClaims(of: queue.name) }
    }

    /// - Returns: false when records before these were not read.
    private func note(
        _ batch: [AMQPDelivery],
        _ place: Place,
        _ onWish: @Sendable (JobKey) async -> Void
    ) async throws -> Bool {
        var records: [ClaimRecord] = []
        var through: Int64 = -1
        for delivery in batch {
            guard let position = delivery.streamPosition else {
                throw AMQPError(.preconditionFailed, "\(queue.name) is no stream", isRetriable: true, queue: queue.name)
            }
            through = max(through, position)
            if let record = ClaimMessage.record(delivery, kind, at: position) {
                records.append(record)
            } else {
                logger.debug("no record of a claim", metadata: [LogKey.queueName: "\(queue.name)"])
            }
        }
        let after = place.position.withLock { $0 }
        let reading = try await tracker.noteClaims(
            records,
            of: queue.name,
            after: after,
            through: through,
            node: node
        )
        guard case .noted(let wishes) = reading else { return false }
        place.position.withLock { $0 = max($0, through) }
        noteRead(batch.compactMap(\.messageID?.string))
        for job in wishes { await onWish(job) }
        return true
    }

    private func noteRead(_ tokens: [String]) {
        let waiters = state.withLock { state in
            state.progress += 1
            for token in tokens where state.awaited[token] != nil { state.awaited[token] = true }
            return tokens.compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in waiters { waiter.resume() }
    }
}

// MARK: - Writing

extension ClaimsLog {
    /// The host that has the job of this message: this one, if no host has claimed it before.
    ///
    /// - Throws: ``AMQPError``, ``TempFileError`` or `CancellationError` when that is not known now. Nothing is lost by another try.
    public func claimant(of ticket: Ticket) async throws -> String {
        let (job, redrives, hop) = (ticket.key, ticket.redrives, ticket.hop)
        let known = try await tracker.claimant(of: job, redrives: redrives, hop: hop)
        // A message that bears its claimant's name was taken out of that host's queues, by whoever wants it done elsewhere.
        let replaced = known != node && known == ticket.node ? known : nil
        if let known, replaced == nil { return known }
        let claim = JobClaim(redrives: redrives, hop: hop, node: node, replacedNode: replaced)
        try await write(.claim(claim), job)
        guard let claimant = try await tracker.claimant(of: job, redrives: redrives, hop: hop) else {
            throw AMQPError(.timedOut, "the claim is written and not read yet", isRetriable: true, queue: queue.name)
        }
        return claimant
    }

    /// Asks the host that has the job, or will have it, to cancel it.
    public func wishCancelled(_ job: JobKey) async throws(AMQPError) {
        try await prepare()
        try await client.publish(ClaimMessage.message(.wish, job, token: UUID().uuidString), to: queue.name)
    }

    /// Returns when the ledger holds the record, and all before it.
    private func write(_ content: ClaimRecord.Content, _ job: JobKey) async throws {
        guard isReady else {
            throw AMQPError(.notFound, "the log of claims is not there yet", isRetriable: true, queue: queue.name)
        }
        let token = UUID().uuidString
        state.withLock { $0.awaited[token] = false }
        defer { state.withLock { $0.awaited[token] = nil } }
        do throws(AMQPError) {
            try await client.publish(ClaimMessage.message(content, job, token: token), to: queue.name)
        } catch {
            // Somebody has deleted it.
            if error.code == .unroutable { state.withLock { $0.isReady = false } }
            throw error
        }
        CrashPoint.claimConfirmed.cross()
        while true {
            let before = state.withLock { $0.progress }
            if await isRead(token) { return }
            try Task.checkCancellation()
            // A log that has only begun to be read may be long.
            guard state.withLock({ $0.progress }) == before else { continue }
            let consumer = state.withLock { state in
                state.isToRestart = true
                return state.consumer
            }
            await consumer?.stop()
            throw AMQPError(
                .timedOut,
                "the claim was not read within \(Self.patience); the log is read again from its beginning",
                isRetriable: true,
                queue: queue.name
            )
        }
    }

    /// Waits for a record, for ``patience`` at most.
    private func isRead(_ token: String) async -> Bool {
        let bell = Task {
            try await Task.sleep(for: Self.patience)
            wake(token)
        }
        defer { bell.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // The cancellation handler may have run already and found nobody.
                    if Task.isCancelled || state.awaited[token] == true { return true }
                    state.waiters[token] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            wake(token)
        }
        return state.withLock { $0.awaited[token] == true }
    }

    private func wake(_ token: String) {
        state.withLock { $0.waiters.removeValue(forKey: token) }?.resume()
    }
}
