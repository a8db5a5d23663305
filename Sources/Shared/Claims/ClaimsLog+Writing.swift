package import AMQP
internal import CrashPoints
internal import FoundationEssentials
package import JobModel
internal import JobStore
internal import Logging
internal import Synchronization
internal import TempFiles

/// Writing: this host's own records.
extension ClaimsLog {
    /// The host that has the job of this message: this one, if no host has claimed it before.
    ///
    /// - Parameter absent: a host whose claim does not count, since there is no such host.
    /// - Throws: ``AMQPError``, ``TempFileError`` or `CancellationError` when that cannot be found out now. The caller
    ///   may try again.
    package func claimant(of ticket: Ticket, insteadOf absent: String? = nil) async throws -> String {
        let (job, redrives, hop) = (ticket.key, ticket.redrives, ticket.hop)
        let known = try await tracker.jobs.claimant(of: job, redrives: redrives, hop: hop)
        // A message that bears its claimant's name was taken out of that host's queues, by somebody who wants the job
        // done elsewhere.
        let replaced = known != node && (known == ticket.trustedNode || known == absent) ? known : nil
        if let known, replaced == nil { return known }
        var claim = JobClaim(redrives: redrives, hop: hop, node: node, replacedNode: replaced)
        if let replaced, replaced == absent, let standing = try await tracker.jobs.claim(of: job),
            standing.node == replaced
        {
            // The record that stands may name any run and hop, and only a record with the same run and hop replaces it.
            (claim.redrives, claim.hop) = (standing.redrives, standing.hop)
        }
        return try await write(claim, job)
    }

    /// Asks the host that has the job, or will have it, to cancel it.
    package func wishCancelled(_ job: JobKey) async throws(AMQPError) {
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
            let claimant = try await tracker.jobs.claimant(of: job, redrives: claim.redrives, hop: claim.hop)
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
