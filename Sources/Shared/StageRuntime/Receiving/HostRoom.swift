internal import AMQP
internal import JobModel
internal import Queues

/// Whether this host can take another job from the queue that all hosts share: no host takes more than it can do.
struct HostRoom: Sendable {
    let place: Workplace

    /// Waits until this worker has nothing to do, and none of the jobs that this host has claimed waits for another or
    /// for space.
    func wait(_ turn: WorkTurn, for intake: JobIntake) async {
        let start = place.clock.now
        while !Task.isCancelled, !intake.isStopped {
            await turn.wait()
            if await isThere() { return }
            // The broker does not tell when a queue is empty. A state that has lasted long may be known a tenth later.
            let waited = place.clock.now - start
            try? await place.clock.sleep(for: min(max(waited / 10, .milliseconds(100)), .seconds(2)))
        }
    }

    /// A broker that is away has nothing to claim either.
    func isThere() async -> Bool {
        guard let claims = place.claims, claims.isReady else { return false }
        // A job that was given up before any host could take it is ended at once.
        guard place.stage.traits.takesNewJobs else { return true }
        // A ledger that cannot be read says nothing good of the disk either.
        guard let isShort = try? await place.books.isShortOfSpace(for: place.kind), !isShort else { return false }
        for (stage, limit) in [
            (Stage.download, 1), (.process, Self.backlog(place.kind)), (.upload, Self.backlog(place.kind)),
        ] {
            let queue = place.topology.work(stage).name
            guard let waiting = try? await place.publisher.transport.messageCount(queue: queue) else { continue }
            if waiting >= limit { return false }
        }
        return true
    }

    /// So many jobs that wait for a later stage keep its workers from having nothing to do. A picture is done in a
    /// moment.
    private static func backlog(_ kind: MediaKind) -> Int { kind == .video ? 1 : 8 }
}
