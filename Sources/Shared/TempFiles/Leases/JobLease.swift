package import JobModel

/// The right to work on a job, held while this object lives or until it is released. The kernel takes it back when the
/// process dies.
package final class JobLease: Sendable {
    package let job: JobKey
    private let hold: LeaseHold

    package init(job: JobKey, hold: LeaseHold) {
        self.job = job
        self.hold = hold
    }

    /// Gives the lease up now. Again does nothing.
    package func release() { hold.release() }

    /// Gives the lease up, and removes the job's directory when nothing but the lease is in it.
    package func releaseRemovingEmptyDirectory() { hold.releaseRemovingEmptyDirectory() }
}
