package import JobModel
internal import Ledger
internal import TempFiles

extension JobStore {
    /// Forgets finished jobs whose retention time is over, at most `limit` at once. It is time of service, in which
    /// late duplicates can come: neither a clock that is stepped nor a broker that was away makes a job forgotten.
    ///
    /// - Returns: how many.
    @discardableResult
    package func forgetFinishedJobs(
        olderThan retention: Duration,
        limit: Int = 10_000
    ) async throws(TempFileError) -> Int {
        let (age, overflow) = retention.components.seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return 0 }
        return try await ledger.write(for: .cleaning) {
            try $0.prune(olderThan: max(age, 0), limit: max(limit, 0))
        }
    }
}
