internal import JobModel
internal import Queues

/// The orders that the HTTP interface can give to the tree.
///
/// Every function throws a ``Problem`` that says what is wrong and what to do.
protocol TreeControl: Sendable {
    /// Looks whether ``submit(_:)`` would refuse the job for its source or the places of its outputs. Takes none.
    func check(_ job: EntryMessage) async throws
    /// Returns when the broker has taken responsibility for the job.
    func submit(_ job: EntryMessage) async throws
    /// Asks for a job to be given up. It ends soon after, with a `cancelled` update.
    func cancel(_ key: JobKey) async throws -> CancelReport
    /// Removes the orphans that ``StatusSource/orphans()`` lists as removable.
    func cleanOrphans() async throws -> OrphanReport
    func scale(_ pool: PoolName, to workers: Int) async throws
    /// - Parameter isRolling: whether each new worker is ready before the old one drains.
    func restart(_ pool: PoolName, isRolling: Bool) async throws
    func redrive(_ selection: DeadLetters.Selection) async throws -> DeadLetters.Redriven
    /// Deletes dead letters.
    func discard(_ selection: DeadLetters.Selection) async throws -> DeadLetters.Discarded
}

/// A job in an answer.
struct JobReference: Sendable, Codable, Equatable {
    var kind: MediaKind
    var id: ByteText
}

/// The answer of `DELETE /jobs/{kind}/{id}`.
struct CancelReport: Sendable, Codable, Equatable {
    var kind: MediaKind
    var id: ByteText
    /// Whether the job is known: a stage of this host has seen it, or its message was found. A job that is not known is
    /// cancelled when its message comes, or by the host that has it.
    var known: Bool
    /// True when there is no such job: every place where it could wait was searched. nil when the job is known, and
    /// when not every place could be searched.
    var absent: Bool?
    /// A sentence about a job that is not known.
    var detail: String?
}
