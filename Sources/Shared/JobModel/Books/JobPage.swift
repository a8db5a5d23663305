/// Some jobs, the newest first.
public struct JobPage: Sendable, Hashable {
    public var jobs: [JobRecord]
    /// Where the next page begins; nil when this is the last one.
    public var next: Int64?

    package init(jobs: [JobRecord], next: Int64? = nil) {
        self.jobs = jobs
        self.next = next
    }
}
