internal import CrashPoints
package import JobModel
internal import Ledger
internal import Logging
internal import TempFiles

extension JobStore {
    /// Gets the right to work on a job, waiting for a holder to give it up, and counts the start of the stage: as one,
    /// for most messages meet a job that is there to be taken.
    ///
    /// - Parameter timeout: zero tries once.
    /// - Throws: ``TempFileError`` with code `cancelled` when the waiting task is cancelled.
    package func enter(
        _ job: JobKey,
        _ message: StageMessage,
        timeout: Duration
    ) async throws(TempFileError) -> StageEntry {
        let hold: LeaseHold
        var lock = try await self.lock(job, message, timeout: .zero)
        if case .held = lock, timeout > .zero {
            // Whoever has the job may be long at it. A late duplicate has nothing to wait for, nor has another job's
            // message.
            if let head = try await ledger.read({ try $0.head(job) }), head.end == nil {
                if head.isOther(than: message) { return .otherContent }
                if head.isBeyond(message) { return .stale(currentHop: head.hop) }
            }
            lock = try await self.lock(job, message, timeout: timeout)
        }
        switch lock {
        case .locked(let locked): hold = locked
        case .held: return try await isOther(message, of: job) ? .otherContent : .held
        case .finished(let outcome): return try await isOther(message, of: job) ? .otherContent : .finished(outcome)
        }
        let start: Books.Start
        do {
            start = try await beginFreeingSpace(job, message)
        } catch {
            hold.release()
            throw error
        }
        switch start.answer {
        case .finished(let outcome):
            hold.releaseRemovingEmptyDirectory()
            return .finished(outcome)
        case .stale(let hop):
            hold.releaseRemovingEmptyDirectory()
            return .stale(currentHop: hop)
        case .otherContent:
            hold.releaseRemovingEmptyDirectory()
            return .otherContent
        case .proceed(let starts, _, let isCancelRequested):
            return .entered(
                EnteredStage(
                    lease: JobLease(job: job, hold: hold),
                    starts: starts,
                    isCancelRequested: isCancelRequested,
                    news: start.news,
                    wait: start.wait,
                    files: files.workspace.entries(start.files, of: job),
                    hasCompressedFiles: start.files.contains { $0.plainBytes != nil },
                    hasSpilledFiles: start.files.contains { $0.spill != nil },
                    deaths: start.deaths
                )
            )
        }
    }

    /// Whether the message is of another job with the id of the one that is in the ledger.
    package func isOther(_ message: StageMessage, of job: JobKey) async throws(TempFileError) -> Bool {
        if message.content == nil { return false }
        return try await ledger.read { try $0.head(job)?.isOther(than: message) ?? false }
    }

    /// The presence of a job, as far as this host knows. Claims of the job by other hosts do not count: they have its
    /// messages.
    ///
    /// - Parameters:
    ///   - other: the job may be of this kind as well; the livelier of the two counts.
    ///   - node: this host; nil when it is the only one.
    package func presence(
        of job: JobKey,
        or other: MediaKind? = nil,
        node: String?
    ) async throws(TempFileError) -> JobPresence {
        try await ledger.read { try $0.presence(job, or: other, node: node) }
    }

    /// Counts the start of a stage, and says whether it may go on. Called under the job's lease. A finished job begins
    /// anew when its run is older than the message's.
    ///
    /// Files of the manifest that lie in the job's own directory and are not in the ledger, as after the loss of the
    /// ledger, are put there again. Anything else a manifest names is ignored for good.
    package func begin(_ job: JobKey, _ message: StageMessage) async throws(TempFileError) -> StageStart {
        try await countStart(of: job, message).answer
    }

    /// As ``begin(_:_:)``, with all that the ledger knows of the job.
    func countStart(of job: JobKey, _ message: StageMessage) async throws(TempFileError) -> Books.Start {
        let now = nowMilliseconds
        // Processing reads what strangers have made. A file that takes the whole host down must be counted.
        let durability: Ledger.Durability = message.stage == .process ? .powerCut : .death
        var start = try await ledger.write(outliving: durability, for: message.purpose) { books in
            try books.begin(job, message, now: now)
        }
        CrashPoint.startCounted.cross()
        logger.debug(
            "stage \(message.stage.rawValue) on hop \(message.hop): \(start.answer)",
            metadata: Logger.Metadata(job: job)
        )
        if start.isReopened {
            logger.notice("a job that had ended begins anew", metadata: Logger.Metadata(job: job))
        }
        guard case .proceed(let starts, _, _) = start.answer else { return start }
        do throws(TempFileError) {
            let manifest = message.manifest
            if let all = try await files.adopt(
                manifest,
                knowing: start.files,
                of: job,
                takesSpilled: message.stage.traits.needs != .nothing,
                for: message.purpose
            ) {
                start.files = all
            }
        } catch {
            // No worker has died, and nobody was told of the start.
            try? await handBack(job, stage: message.stage, hop: message.hop, start: starts)
            throw error
        }
        return start
    }
}
