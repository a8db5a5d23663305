package import JobModel
internal import Ledger

/// The answer to a wish for a job's lease.
package enum LeaseResult: Sendable {
    case acquired(JobLease)
    /// Another holder kept it for the whole time.
    case held
    /// The ledger remembers the job as over. Nothing was made on disk.
    case finished(JobOutcome)
}
