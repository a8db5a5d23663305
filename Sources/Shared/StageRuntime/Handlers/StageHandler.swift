package import JobModel

/// The part that a stage supplies; the runtime owns everything else: lease, manifest, hand-over, retries,
/// acknowledgement, drain.
package protocol StageHandler: Sendable {
    /// Does the stage's work for one job.
    ///
    /// Called under the job's lease. Every file is tracked (``JobContext/tracker``) before it is made. A cancelled task
    /// means that the worker drains: throw `CancellationError` soon, and the job is handed back.
    ///
    /// - Returns: the ticket with what the stage adds to it.
    /// - Throws: ``StageFailure``. Other errors count as transient.
    func run(_ job: JobContext) async throws -> Ticket

    /// The hosts that this process has found away or overloaded, and that have not answered since. The runtime counts
    /// the jobs that wait for them, and tells the supervisor.
    var hostsAway: [HostAbsence] { get }
}

extension StageHandler {
    package var hostsAway: [HostAbsence] { [] }
}

/// The stage that ends jobs, which hands nothing over. The runtime gives the end of a job to no other stage:
/// ``EndingJob``, which can record and announce it, is made for this one alone (``StageTraits/endsJobs``).
package protocol EndingStage: StageHandler {
    /// Ends a job: called after its work, with the ticket that ``StageHandler/run(_:)`` returned, or when the work was
    /// given up, with the outcome in the ticket. Settles the message as well.
    ///
    /// Called under the job's lease.
    ///
    /// - Throws: when the message is not settled. It goes back to its queue, as it is.
    func end(_ job: EndingJob) async throws

    /// Settles a message whose job the ledger knows as finished: by this message or by another one.
    ///
    /// - Throws: as ``end(_:)``.
    func meetFinished(_ job: EndingJob, _ outcome: JobOutcome) async throws
}
