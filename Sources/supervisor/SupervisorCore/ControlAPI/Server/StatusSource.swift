internal import JobModel
internal import TempFiles

/// The tree as the HTTP interface shows it. Nothing here changes anything.
///
/// Functions that throw throw a ``Problem`` when the ledger or the broker cannot be asked.
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
    /// - Parameter limit: of each kind.
    func deadLetters(limit: Int) async throws -> DeadLetters.List
}
