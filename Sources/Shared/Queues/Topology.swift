package import AMQP
package import JobModel

/// The queues of one kind.
package struct Topology: Sendable {
    package let layout: QueueLayout
    package let kind: MediaKind

    package init(layout: QueueLayout, kind: MediaKind) {
        self.layout = layout
        self.kind = kind
    }

    package var names: QueueNames { layout.names }

    package func work(_ stage: Stage) -> AMQPQueue { layout.work(kind, stage) }
    package var updates: AMQPQueue { layout.updates(kind) }
    package var dead: AMQPQueue { layout.dead(kind) }
    package var legacyRequests: AMQPQueue { layout.legacyRequests(kind) }

    /// The queue that a stage takes messages from besides this host's own; nil when there is no other.
    package func shared(_ stage: Stage) -> AMQPQueue? {
        names.node != nil && QueueNames.sharedStages.contains(stage) ? layout.shared(kind, stage) : nil
    }

    /// The same of another host.
    package func work(_ stage: Stage, of node: String) -> AMQPQueue {
        var other = layout
        other.names = names.of(node: node)
        return other.work(kind, stage)
    }

    /// Messages come back to the stage's own queue when the delay is over.
    package func retry(_ stage: Stage, delayMilliseconds: Int) -> AMQPQueue {
        layout.retry(kind, stage, delayMilliseconds: delayMilliseconds)
    }

    package func all(of stage: Stage) -> [AMQPQueue] {
        var queues = Stage.allCases.map(work) + [updates, dead]
        // Messages that the shared queue of downloads gives up go to that of clean-up.
        if shared(stage) != nil { queues += Stage.allCases.compactMap(shared) }
        if stage.traits.takesNewJobs { queues.append(legacyRequests) }
        return queues + layout.retryDelaysMilliseconds.map { retry(stage, delayMilliseconds: $0) }
    }

    /// The stage whose queue this is, this host's own or a shared one.
    ///
    /// - Parameter name: as a message has it, whoever wrote that; by its bytes.
    package func stage(ofQueue name: AMQPText) -> Stage? {
        Stage.allCases.first { AMQPText(names.work(kind, $0)) == name || AMQPText(names.shared(kind, $0)) == name }
    }
}
