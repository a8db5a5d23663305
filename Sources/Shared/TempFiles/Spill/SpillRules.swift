internal import JobModel

/// Which files are spilled, and where to.
package struct SpillRules: Sendable, Hashable {
    /// `SPILL_URL`.
    package var store: String
    /// This host's name in keys.
    package var node: String
    /// How long a job has waited for its next stage.
    package var minimumWait: Duration
    /// Smaller files are not worth it.
    package var minimumFileBytes: Int64
    /// Jobs whose files are put at a time.
    package var width: Int
    /// Jobs whose files are put before this returns; nil: all.
    package var maximumJobs: Int?

    package init(
        store: String,
        node: String,
        minimumWait: Duration,
        minimumFileBytes: Int64 = 1 << 24,
        width: Int = 2,
        maximumJobs: Int? = nil
    ) {
        self.store = store
        self.node = node
        self.minimumWait = minimumWait
        self.minimumFileBytes = max(minimumFileBytes, 1)
        self.width = max(width, 1)
        self.maximumJobs = maximumJobs
    }
}

/// The result of spilling.
package struct SpillReport: Sendable, Hashable {
    package var files = 0
    package var sizeBytes: Int64 = 0
    /// Jobs with which something went wrong. Their files are as they were.
    package var failures = 0
    /// The store takes nothing now, which was not tried with every job.
    package var storeProblem: String?

    package init() {}

    package mutating func add(_ other: SpillReport) {
        files += other.files
        sizeBytes = sizeBytes.addingClamped(other.sizeBytes)
        failures += other.failures
        storeProblem = storeProblem ?? other.storeProblem
    }
}
