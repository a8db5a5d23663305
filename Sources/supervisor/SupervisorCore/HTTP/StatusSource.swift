internal import JobModel

/// What the HTTP interface shows.
protocol StatusSource: Sendable {
    func health() async -> HealthReport
    func info() async -> InfoReport
    /// - Throws: ``Problem`` when the ledger cannot be read.
    func job(_ key: JobKey) async throws -> JobView?
    func jobs(limit: Int) async throws -> [JobView]
}
