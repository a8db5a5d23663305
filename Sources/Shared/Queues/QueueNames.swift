package import JobModel

/// The names of all queues. `prefix` (`QUEUE_PREFIX`) comes before every one.
///
/// Hosts that share a broker have names of their own (`NODE_ID`). They share the queues that clients know; each host
/// has its own queues for the stages that need its temp files.
package struct QueueNames: Sendable, Hashable {
    package var prefix: String
    /// This host, when it is one of several; nil when there is one, whose queues have the plain names.
    package var node: String?

    package init(prefix: String = "", node: String? = nil) {
        self.prefix = prefix
        self.node = node
    }

    /// Work for one stage of this host: `video.processing.upload`, or `video.processing.upload.<node>`.
    package func work(_ kind: MediaKind, _ stage: Stage) -> String {
        let shared = shared(kind, stage)
        return node.map { "\(shared).\($0)" } ?? shared
    }

    /// Work for one stage that is no host's yet: `video.processing.download`.
    package func shared(_ kind: MediaKind, _ stage: Stage) -> String { name(kind, stage.queueSegment) }

    /// The queue that jobs come in by, whoever sends them.
    package func entry(_ kind: MediaKind) -> String { shared(kind, .download) }

    /// Stages that take messages from a shared queue besides their host's own. Downloads come in there; clean-up ends
    /// the jobs that no host could even take from there.
    package static let sharedStages: Set<Stage> = [.download, .cleanup]

    /// All queues that the workers of a stage take messages from, those that others fill first.
    package func sources(_ kind: MediaKind, _ stage: Stage) -> [String] {
        guard node != nil, Self.sharedStages.contains(stage) else { return [work(kind, stage)] }
        return [shared(kind, stage), work(kind, stage)]
    }

    /// The queue that clients read: `video.processing.updates`.
    package func updates(_ kind: MediaKind) -> String { name(kind, "updates") }

    /// The older service's entry queue: `video.processing.requests`.
    package func legacyRequests(_ kind: MediaKind) -> String { name(kind, "requests") }

    /// Messages that nobody can work on, with the reason: `video.processing.dead`.
    package func dead(_ kind: MediaKind) -> String { name(kind, "dead") }

    /// The log of all hosts' claims: `video.processing.claims`.
    package func claims(_ kind: MediaKind) -> String { name(kind, "claims") }

    /// The same for another host.
    package func of(node: String) -> QueueNames { QueueNames(prefix: prefix, node: node) }

    /// The steps of delay before a stage is tried again, in milliseconds.
    package static let retrySteps = [1_000, 5_000, 30_000, 120_000, 600_000]

    /// The delays of a step, in per cent of it. A retry takes any of them, so that jobs that failed together, as when a
    /// store was away, do not all come back together.
    private static let retrySpread = [80, 100, 125]

    /// The delays that a retry of this step has a choice of, in milliseconds.
    package static func retryDelays(ofStep milliseconds: Int) -> [Int] { retrySpread.map { milliseconds * $0 / 100 } }

    /// The delays of all steps, one queue each for every stage.
    package static let retryDelaysMilliseconds = retrySteps.flatMap(retryDelays)

    /// The delay queue that a job waits in before it comes back to the stage's queue:
    /// `video.processing.download.retry.5000ms`. One queue for each delay, because a queue only expires messages at its
    /// head.
    package func retry(_ kind: MediaKind, _ stage: Stage, delayMilliseconds: Int) -> String {
        work(kind, stage) + ".retry.\(delayMilliseconds)ms"
    }

    private func name(_ kind: MediaKind, _ last: String) -> String { "\(prefix)\(kind.rawValue).processing.\(last)" }
}
