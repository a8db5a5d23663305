/// Some jobs, the newest first.
package struct JobPage: Sendable, Hashable {
    package var jobs: [JobRecord]
    /// Where the next page begins; nil when this is the last one.
    package var next: Int64?

    package init(jobs: [JobRecord], next: Int64? = nil) {
        self.jobs = jobs
        self.next = next
    }
}
