internal import CrashPoints
public import JobModel
internal import Logging
internal import RootedFiles
internal import Threads

extension TempFileTracker {
    private static let longestTimeout = Duration.seconds(366 * 86_400)

    /// Gets the right to work on a job, waiting for a holder to give it up.
    ///
    /// The job's row is committed before its directory is made, so a directory without a row is nobody's.
    ///
    /// - Parameters:
    ///   - reopening: the message's hop and run. A finished job whose run is older than the message's begins anew.
    ///   - timeout: zero tries once.
    /// - Throws: ``TempFileError`` with code `cancelled` when the waiting task is cancelled.
    public func acquireLease(
        _ job: JobKey,
        reopening message: (hop: Int64, run: JobRun)? = nil,
        timeout: Duration
    ) async throws(TempFileError) -> LeaseResult {
        let directory = workspace.directory(of: job)
        let deadline = ContinuousClock.now + min(max(timeout, .zero), Self.longestTimeout)
        while true {
            if let end = try await prepare(job, message) { return .finished(end) }
            switch try await wait(directory, makesDirectory: true, deadline: deadline) {
            case .locked(let file):
                let hold = LeaseHold(file, directory: directory, root: workspace.root, registry: registry)
                CrashPoint.leaseLocked.cross()
                // The holder that was waited for may have ended the job.
                if let end = try await prepare(job, message) {
                    hold.releaseRemovingEmptyDirectory()
                    return .finished(end)
                }
                logger.debug("lease acquired", metadata: Logger.Metadata(job: job))
                return .acquired(JobLease(job: job, hold: hold))
            case .held: return .held
            case .startOver, .absent: continue
            case .cancelled:
                let message = "waiting for the lease of \(job) was cancelled"
                throw TempFileError(code: .cancelled, message: message, isRetriable: true)
            }
        }
    }

    /// The lease of a directory, or nil when somebody holds it or there is no such directory. Does not wait.
    func tryLease(directory: String, makesDirectory: Bool = false) async throws(TempFileError) -> LeaseHold? {
        for _ in 0..<8 {
            switch try await wait(directory, makesDirectory: makesDirectory, deadline: ContinuousClock.now) {
            case .locked(let file):
                return LeaseHold(file, directory: directory, root: workspace.root, registry: registry)
            case .startOver: continue
            case .held, .absent, .cancelled: return nil
            }
        }
        return nil
    }

    /// - Throws: ``TempFileError`` with code `leaseNotHeld`.
    func requireLease(_ job: JobKey) throws(TempFileError) {
        let directory = workspace.directory(of: job)
        let isHeld = try onFileSystem { () throws(FileSystemError) in
            try registry.holds(workspace.root, directory: directory)
        }
        if isHeld { return }
        throw TempFileError(
            code: .leaseNotHeld,
            message: "the temp files of \(job) may be in use by another process; acquire the job's lease first",
            isRetriable: true
        )
    }

    /// Makes sure that the job is on the books, and says how it ended if it has.
    private func prepare(
        _ job: JobKey,
        _ message: (hop: Int64, run: JobRun)?
    ) async throws(TempFileError) -> JobOutcome? {
        let known = try await ledger.read { try Ledger.head($0, job) }
        let now = nowMilliseconds
        if let known {
            guard let end = known.end, let message, message.run.redrives > known.redrives else {
                return known.end
            }
            logger.notice("a job that had ended (\(end.rawValue)) begins anew", metadata: Logger.Metadata(job: job))
            try await ledger.write { db in
                try Ledger.reopen(db, job: known.number, hop: message.hop, redrives: message.run.redrives, now: now)
            }
            return nil
        }
        let end = try await ledger.write(outliving: .death) { try Ledger.ensureJob($0, job, now: now).end }
        CrashPoint.jobRowCommitted.cross()
        return end
    }

    private func wait(
        _ directory: String,
        makesDirectory: Bool,
        deadline: ContinuousClock.Instant
    ) async throws(TempFileError) -> LeaseWaiter.Outcome {
        var waiter = LeaseWaiter(
            root: workspace.root,
            directory: directory,
            makesDirectory: makesDirectory,
            deadline: .now,
            wake: nil
        )
        // Most leases are there to be taken.
        let atOnce = try await OwnThread.run { [waiter] () throws(TempFileError) in
            try onFileSystem { () throws(FileSystemError) in try waiter.run() }
        }
        guard case .held = atOnce, ContinuousClock.now < deadline else { return atOnce }
        let wake = try onFileSystem { () throws(FileSystemError) in try WakeSignal() }
        waiter.deadline = deadline
        waiter.wake = wake
        return try await OwnThread.run(
            { [waiter] () throws(TempFileError) in
                try onFileSystem { () throws(FileSystemError) in try waiter.run() }
            },
            onCancel: { wake.signal() }
        )
    }
}
