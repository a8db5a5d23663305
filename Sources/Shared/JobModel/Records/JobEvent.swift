package import FoundationEssentials

/// Something that happened to a job.
package struct JobEvent: Sendable, Hashable {
    package enum What: String, Sendable, Hashable, Codable, CaseIterable {
        /// A stage began to work.
        case started
        /// The stage gave the job back without an end, as for a retry, a wait or a drain.
        case handedBack
        /// The message for another stage is confirmed.
        case handedOver
        /// A step that clients are told of.
        case step
        case cancelRequested
        /// A worker has died while it had the job.
        case workerDied
        /// The job's end. Both events are recorded in one step; there are two since earlier versions took two.
        case finishing
        case finished
    }

    package var at: Date
    package var what: What
    package var stage: Stage?
    package var hop: Int64
    /// The step, the outcome, or the worker that died and what of.
    package var detail: String?

    package init(at: Date, what: What, stage: Stage? = nil, hop: Int64, detail: String? = nil) {
        self.at = at
        self.what = what
        self.stage = stage
        self.hop = hop
        self.detail = detail
    }
}
