internal import JobModel
internal import TempFiles

/// The tree as the HTTP interface shows it. Nothing here changes anything.
///
/// The functions that can fail throw a ``Problem`` when the ledger or the broker does not answer.
protocol StatusSource: Sendable {
    func health() async -> HealthReport
    func info() async -> InfoReport
    /// The document that the dashboard shows at a glance.
    func overview() async -> Overview
    /// The text of `GET /metrics`.
    func metrics() async -> String

    func job(_ key: JobKey) async throws -> JobDetailView?
    /// The kinds that have a job with this id.
    func kinds(ofJob id: ByteText) async throws -> [MediaKind]
    func jobs(_ query: JobQuery) async throws -> JobList
    func orphans() async throws -> OrphanReport
    /// - Parameter limit: how many letters of each kind are listed at the most.
    func deadLetters(limit: Int) async throws -> DeadLetters.List
}
