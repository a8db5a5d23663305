/// The answer to a wish to cancel a job.
package enum CancelAnswer: Sendable, Hashable {
    /// The job will end with outcome `cancelled`.
    case requested
    /// No stage of this host has seen the job. If its message comes, it is cancelled then.
    case unknown
    /// Too late: its work is done. nil while the clean-up stage is at it.
    case over(JobOutcome?)
}
