public import JobModel

/// What a stage supplies; the runtime owns everything else: lease, manifest, hand-over, retries, acknowledgement, drain.
public protocol StageHandler: Sendable {
    /// Does the stage's work for one job.
    ///
    /// Called under the job's lease. Every file is tracked (``JobContext/tracker``) before it is made. A cancelled task means
    /// that the worker drains: throw `CancellationError` soon, and the job is handed back.
    ///
    /// - Returns: the ticket with what the stage adds to it.
    /// - Throws: ``StageFailure``. Other errors count as transient.
    func run(_ job: JobContext) async throws -> Ticket
}
