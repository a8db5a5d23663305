package import JobModel
internal import Ledger
package import TempFiles

extension JobStore {
    /// Asks the workers to give a job up. One that no stage has seen is given up when its message comes, unless the
    /// wish was forgotten by then: see ``forgetClaims(olderThan:)``. It is no job until then.
    ///
    /// - Parameter isRemembered: false to do nothing about a job that no stage has seen.
    @discardableResult
    package func requestCancel(_ job: JobKey, isRemembered: Bool = true) async throws(TempFileError) -> CancelAnswer {
        let now = nowMilliseconds
        return try await ledger.write(for: .cleaning) { books in
            try books.requestCancel(job, isRemembered: isRemembered, now: now)
        }
    }

    /// Whether the job is to be given up.
    package func isCancelRequested(_ job: JobKey) async throws(TempFileError) -> Bool {
        try await ledger.read { try $0.isCancelRequested(job) }
    }

    /// Gives a job that is to be cancelled, and that nobody works on, to its clean-up stage. Its message, wherever it
    /// waits, is stale from then on.
    ///
    /// - Parameter ender: called under the job's lease.
    /// - Returns: false when a worker has the job, which ends it itself; or when there is nothing to cancel.
    package func endCancelled(_ job: JobKey, _ ender: AbandonedJobEnder) async throws(TempFileError) -> Bool {
        guard let hold = try await files.tryLease(directory: files.workspace.directory(of: job), makesDirectory: true)
        else {
            return false
        }
        defer { hold.releaseRemovingEmptyDirectory() }
        guard let row = try await ledger.read({ try $0.job(job) }), row.record.state == .active,
            row.record.isCancelRequested, row.record.stage != nil, row.record.stage != .cleanup
        else { return false }
        try await files.handToCleanup(row, silence: .zero, ender)
        return true
    }
}
