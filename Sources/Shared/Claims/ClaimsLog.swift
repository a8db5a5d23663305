public import AMQP
internal import CrashPoints
internal import FoundationEssentials
public import JobModel
public import Logging
internal import Synchronization
public import TempFiles

/// The log in which the hosts that share a broker record which of them takes which job of a kind: a RabbitMQ stream.
/// Its order is the same for all hosts, so it decides between two hosts that have messages of one job; see
/// docs/decisions/0017-claims.md.
///
/// Records that are read go to the ledger, so that one process reads them for the whole host, and none reads them again
/// after a restart.
public final class ClaimsLog: Sendable {
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
    private enum Restart {
        case inDoubt, another
    }

    private struct State {
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

    /// To be called when the connection was lost: the next one may lead to a broker without the log.
    public func noteConnectionLost() { state.withLock { $0.isReady = false } }

    /// Makes sure that the broker has the log, once for each connection. It uses a connection of its own, because a
    /// broker whose streams are switched off ends the connection of a client that declares one.
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
            // Other limits of length and age do no harm. A queue of another type would give each record to one reader
            // only.
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
            no job is taken from the shared queues: hosts that share a broker (NODE_ID) need its streams, \
            which RabbitMQ has since 3.9 with the feature flag stream_queue
            """,
            metadata: [LogKey.queueName: "\(queue.name)", LogKey.cause: "\(problem)"]
        )
    }
}

// MARK: - Reading

extension ClaimsLog {
    /// The last record that was noted, and where the broker was asked to begin.
    private final class Place: Sendable {
        private struct State {
            var noted: ClaimsPlace
            var asked: Int64 = -1
            var hasCome: Bool
        }

        private let state: Mutex<State>
        init(_ noted: ClaimsPlace?) {
            state = Mutex(State(noted: noted ?? ClaimsPlace(position: -1, mark: []), hasCome: noted == nil))
        }

        var noted: ClaimsPlace { state.withLock { $0.noted } }

        /// Whether a record has come, if one was to come at once.
        var hasCome: Bool { state.withLock { $0.hasCome } }

        func note(_ place: ClaimsPlace) { state.withLock { $0.noted = place } }

        /// The last record comes once more, as the proof that it is still the same log.
        func ask() -> AMQPValue {
            state.withLock { state in
                state.asked = state.noted.position
                return state.asked < 0 ? "first" : .int(state.asked)
            }
        }

        /// Whether the record belongs to another log than was read before. The broker goes on at the end of a log that
        /// is shorter than the requested position.
        func isOfAnother(_ found: ClaimsPlace) -> Bool {
            state.withLock { state in
                state.hasCome = true
                return found.position < state.asked
                    || found.position == state.noted.position && found.mark != state.noted.mark
            }
        }
    }

    /// Keeps the ledger up to date until the task is cancelled or the client is closed.
    ///
    /// - Parameter onWish: called with each job of this host that somebody wants cancelled, or may want cancelled.
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

    /// Returns when reading has to begin at another place, or the connection is lost.
    private func read(_ onWish: @Sendable (JobKey) async -> Void) async throws {
        if let restart = state.withLock({ $0.restart }) {
            try await tracker.restartClaims(of: queue.name, kind: kind, isAnother: restart == .another)
            state.withLock { if $0.restart == restart { $0.restart = nil } }
        }
        let place = Place(try await tracker.claimsPlace(of: queue.name))
        // The log is declared over another connection only. If it is gone, that must be found out before it is consumed
        // again.
        let consumer = try client.consume(
            queue,
            prefetch: Self.prefetch,
            declaring: false,
            maximumBodyBytes: Self.maximumBodyBytes
        ) { ["x-stream-offset": place.ask()] }
        let isToRestart = state.withLock { state in
            state.consumer = consumer
            return state.restart != nil
        }
        // Another task has found that out in between, when there was no consumer to stop.
        if isToRestart { return await consumer.stop() }
        let connection = Task {
            for await state in client.states where !state.isConnected {
                noteConnectionLost()
                await consumer.stop()
                return
            }
        }
        defer { connection.cancel() }
        let proof = Task {
            try await Task.sleep(for: Self.proofTime)
            if !place.hasCome { await restart(.inDoubt) }
        }
        defer { proof.cancel() }
        do {
            for await first in consumer {
                let batch = [first] + consumer.takeWaiting()
                guard try await note(batch, place, onWish) else { break }
                await withTaskGroup(of: Void.self) { group in
                    // An acknowledgement asks for more; the log keeps its records.
                    for delivery in batch { group.addTask { try? await delivery.acknowledge() } }
                }
            }
        } catch {
            await consumer.stop()
            throw error
        }
        await consumer.stop()
        state.withLock { $0.consumer = nil }
    }

    /// Has the log read again from its beginning, and declared before: it may be gone.
    private func restart(_ why: Restart) async {
        let consumer = state.withLock { state in
            state.isReady = false
            if state.restart != .another { state.restart = why }
            return state.consumer
        }
        await consumer?.stop()
    }

    /// - Returns: false when records before these were not read, or the log is another one.
    private func note(
        _ batch: [AMQPDelivery],
        _ place: Place,
        _ onWish: @Sendable (JobKey) async -> Void
    ) async throws -> Bool {
        let before = place.noted
        var (records, last): ([ClaimRecord], ClaimsPlace) = ([], before)
        for delivery in batch {
            guard let position = delivery.streamPosition else {
                throw AMQPError(.preconditionFailed, "\(queue.name) is no stream", isRetriable: true, queue: queue.name)
            }
            let found = ClaimsPlace(position: position, mark: delivery.messageID?.bytes ?? [])
            if place.isOfAnother(found) {
                logger.warning(
                    "the claims of hosts are in another log than before; it is read from its beginning",
                    metadata: [LogKey.queueName: "\(queue.name)"]
                )
                await restart(.another)
                return false
            }
            // Records that came again after a channel was lost are skipped.
            guard position > before.position else { continue }
            if position > last.position { last = found }
            if let record = ClaimMessage.record(delivery, kind, at: position) {
                records.append(record)
            } else {
                logger.debug("no record of a claim", metadata: [LogKey.queueName: "\(queue.name)"])
            }
        }
        guard last.position > before.position else {
            noteRead(batch.compactMap(\.messageID?.string))
            return true
        }
        let reading = try await tracker.noteClaims(
            records,
            of: queue.name,
            after: before.position,
            through: last.position,
            mark: last.mark,
            node: node
        )
        guard case .noted(let wishes) = reading else { return false }
        place.note(last)
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
    /// - Parameter absent: a host whose claim does not count, since there is no such host.
    /// - Throws: ``AMQPError``, ``TempFileError`` or `CancellationError` when that cannot be found out now. The caller
    ///   may try again.
    public func claimant(of ticket: Ticket, insteadOf absent: String? = nil) async throws -> String {
        let (job, redrives, hop) = (ticket.key, ticket.redrives, ticket.hop)
        let known = try await tracker.claimant(of: job, redrives: redrives, hop: hop)
        // A message that bears its claimant's name was taken out of that host's queues, by somebody who wants the job
        // done elsewhere.
        let replaced = known != node && (known == ticket.trustedNode || known == absent) ? known : nil
        if let known, replaced == nil { return known }
        var claim = JobClaim(redrives: redrives, hop: hop, node: node, replacedNode: replaced)
        if let replaced, replaced == absent, let standing = try await tracker.claim(of: job), standing.node == replaced
        {
            // The record that stands may name any run and hop, and only a record with the same run and hop replaces it.
            (claim.redrives, claim.hop) = (standing.redrives, standing.hop)
        }
        return try await write(claim, job)
    }

    /// Asks the host that has the job, or will have it, to cancel it.
    public func wishCancelled(_ job: JobKey) async throws(AMQPError) {
        try await prepare()
        try await publish(ClaimMessage.message(.wish, job, token: UUID().uuidString))
    }

    private func publish(_ message: AMQPMessage) async throws(AMQPError) {
        do throws(AMQPError) {
            try await client.publish(message, to: queue.name)
        } catch {
            // Somebody has deleted it.
            if error.code == .unroutable { await restart(.another) }
            throw error
        }
    }

    /// Writes a claim, and waits until the ledger holds one of the job: this one and all before it, or one that stands
    /// before it.
    ///
    /// - Returns: the host that has the job.
    private func write(_ claim: JobClaim, _ job: JobKey) async throws -> String {
        guard isReady else {
            throw AMQPError(.notFound, "the log of claims is not there yet", isRetriable: true, queue: queue.name)
        }
        let token = UUID().uuidString
        state.withLock { $0.awaited[token] = false }
        defer { state.withLock { $0.awaited[token] = nil } }
        try await publish(ClaimMessage.message(.claim(claim), job, token: token))
        CrashPoint.claimConfirmed.cross()
        let start = ContinuousClock.now
        var (progress, latest) = (state.withLock { $0.progress }, start)
        while ContinuousClock.now - start < Self.longestWait {
            let isRead = await isRead(token)
            try Task.checkCancellation()
            // The reader may have begun beyond the record: the place belongs to the host, and another process may have
            // moved it on.
            let claimant = try await tracker.claimant(of: job, redrives: claim.redrives, hop: claim.hop)
            if let claimant, isRead || claimant != claim.replacedNode { return claimant }
            if isRead { break }
            let (current, isReady) = state.withLock { ($0.progress, $0.isReady) }
            // A log that has only begun to be read may be long, and without the broker nothing is read.
            if current != progress || !isReady { (progress, latest) = (current, .now) }
            guard ContinuousClock.now - latest < Self.patience else {
                await restart(.inDoubt)
                throw AMQPError(
                    .timedOut,
                    "the claim was not read within \(Self.patience); the log is read again from its beginning",
                    isRetriable: true,
                    queue: queue.name
                )
            }
        }
        throw AMQPError(.timedOut, "the claim is written and not read yet", isRetriable: true, queue: queue.name)
    }

    /// Waits for a record, for ``lookInterval`` at most.
    private func isRead(_ token: String) async -> Bool {
        let bell = Task {
            try await Task.sleep(for: Self.lookInterval)
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
