internal import CrashPoints
internal import Files
package import JobModel
package import Ledger
internal import Logging
internal import Threads

extension TempFileTracker {
    private static let longestTimeout = Duration.seconds(366 * 86_400)

    /// Gets the right to work on a job, waiting for a holder to give it up.
    ///
    /// - Parameter timeout: zero tries once.
    /// - Throws: ``TempFileError`` with code `cancelled` when the waiting task is cancelled.
    package func acquireLease(_ job: JobKey, timeout: Duration) async throws(TempFileError) -> LeaseResult {
        switch try await lock(job, run: JobRun(), timeout: timeout) {
        case .held: return .held
        case .finished(let end): return .finished(end)
        case .locked(let hold):
            // The holder that was waited for may have ended the job; and a ledger that was lost does not know it.
            var known = try await ledger.read { try $0.head(job) }
            if known == nil { known = try await register(job) }
            if let end = known?.end {
                hold.releaseRemovingEmptyDirectory()
                return .finished(end)
            }
            logger.debug("lease acquired", metadata: Logger.Metadata(job: job))
            return .acquired(JobLease(job: job, hold: hold))
        }
    }

    package enum Lock: Sendable {
        /// The ledger's row of the job may have changed before.
        case locked(LeaseHold)
        case held
        case finished(JobOutcome)
    }

    /// The lease alone.
    ///
    /// The job's row is committed before its directory is made, so a directory without a row is nobody's.
    package func lock(
        _ job: JobKey,
        run: JobRun,
        timeout: Duration,
        for purpose: Ledger.Purpose = .work
    ) async throws(TempFileError) -> Lock {
        let directory = workspace.directory(of: job)
        let deadline = ContinuousClock.now + min(max(timeout, .zero), Self.longestTimeout)
        var makesDirectory = false
        while true {
            let outcome: LeaseWaiter.Outcome
            do throws(TempFileError) {
                outcome = try await wait(directory, makesDirectory: makesDirectory, deadline: deadline)
            } catch {
                if let end = try? await end(of: job, run: run) { return .finished(end) }
                throw error
            }
            switch outcome {
            case .locked(let file):
                let hold = LeaseHold(file, directory: directory, root: workspace.root, registry: registry)
                CrashPoint.leaseLocked.cross()
                return .locked(hold)
            case .held:
                // Its files could not be removed, and somebody tries again.
                if let end = try await end(of: job, run: run) { return .finished(end) }
                return .held
            case .startOver: makesDirectory = false
            case .absent:
                let known = try await register(job, for: purpose)
                if let end = known.end, run.redrives <= known.redrives { return .finished(end) }
                makesDirectory = true
            case .cancelled:
                let message = "waiting for the lease of \(job) was cancelled"
                throw TempFileError(code: .cancelled, message: message, isRetriable: true)
            }
        }
    }

    /// The lease of a directory, or nil when somebody holds it or there is no such directory. Does not wait.
    package func tryLease(directory: String, makesDirectory: Bool = false) async throws(TempFileError) -> LeaseHold? {
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

    /// How the job ended, if it has and no later run of it is to begin.
    private func end(of job: JobKey, run: JobRun) async throws(TempFileError) -> JobOutcome? {
        let known = try await ledger.read { try $0.head(job) }
        return known.flatMap { run.redrives <= $0.redrives ? $0.end : nil }
    }

    /// The job's row, which is made where it is missing.
    private func register(
        _ job: JobKey,
        for purpose: Ledger.Purpose = .work
    ) async throws(TempFileError) -> JobHead {
        let now = nowMilliseconds
        let row = try await ledger.write(outliving: .death, for: purpose) { try $0.ensureJob(job, now: now) }
        CrashPoint.jobRowCommitted.cross()
        return row
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
        let wake = try onFileSystem { () throws(FileSystemError) -> WakePipe in
            do throws(WakePipe.Failure) { return try WakePipe() } catch {
                throw FileSystemError(operation: "pipe", path: "", errno: error.errno)
            }
        }
        waiter.deadline = deadline
        waiter.wake = wake
        return try await OwnThread.run(
            { [waiter] () throws(TempFileError) in
                try onFileSystem { () throws(FileSystemError) in try waiter.run() }
            },
            onCancel: { wake.wake() }
        )
    }
}
