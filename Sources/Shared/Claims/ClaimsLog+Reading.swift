internal import AMQP
package import JobModel
internal import JobStore
internal import Logging
internal import Synchronization
internal import TempFiles

/// Reading: brings the hosts' records to the ledger.
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
    package func follow(_ onWish: @Sendable (JobKey) async -> Void = { _ in }) async {
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
            try await tracker.jobs.restartClaims(of: queue.name, kind: kind, isAnother: restart == .another)
            state.withLock { if $0.restart == restart { $0.restart = nil } }
        }
        let place = Place(try await tracker.jobs.claimsPlace(of: queue.name))
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
    func restart(_ why: Restart) async {
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
        let reading = try await tracker.jobs.noteClaims(
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
