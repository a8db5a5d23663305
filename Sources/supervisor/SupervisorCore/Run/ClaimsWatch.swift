internal import AMQP
internal import Claims
internal import JobModel
internal import Logging
internal import TempFiles

/// Reads the logs in which hosts that share a broker claim jobs, for the wishes to cancel one that another host was asked for.
struct ClaimsWatch: Sendable {
    private var logs: [MediaKind: ClaimsLog] = [:]
    private let broker: BrokerLink
    private let tracker: TempFileTracker
    private let node: String

    /// nil when there is no other host.
    ///
    /// - Throws: ``TreeError`` when the broker is not known yet.
    init?(_ broker: BrokerLink, queues: QueueLayout, tracker: TempFileTracker, logger: Logger) async throws {
        guard let node = queues.names.node else { return nil }
        guard let client = await broker.link, let endpoints = await broker.endpoints else {
            throw TreeError(message: "the broker is not known yet")
        }
        self.broker = broker
        self.node = node
        self.tracker = tracker
        for kind in MediaKind.allCases {
            logs[kind] = ClaimsLog(
                kind,
                layout: queues,
                client: client,
                endpoints: endpoints,
                tracker: tracker,
                logger: logger
            )
        }
    }

    /// Runs until the task is cancelled.
    ///
    /// - Parameter end: ends a job of this host that waits.
    func run(_ end: @escaping @Sendable (JobKey) async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for log in logs.values {
                group.addTask {
                    await log.follow { job in
                        // Most are other hosts'.
                        if (try? await tracker.isCancelRequested(job)) ?? false { await end(job) }
                    }
                }
            }
        }
    }

    /// Asks the host that has the job, or will have it, to cancel it.
    ///
    /// - Throws: ``TreeError`` at once when the broker is away, or `AMQPError`.
    func wishCancelled(_ job: JobKey) async throws {
        guard let log = logs[job.kind] else { return }
        _ = try await broker.connected()
        try await log.wishCancelled(job)
    }

    /// Whether another host has claimed the job after this one had it.
    func isElsewhere(_ job: JobKey) async throws -> Bool {
        guard let claimant = try await tracker.claimant(of: job, redrives: 0, hop: 0) else { return false }
        return claimant != node
    }
}
