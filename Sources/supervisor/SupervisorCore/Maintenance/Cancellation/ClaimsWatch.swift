internal import AMQP
internal import Claims
internal import JobModel
internal import JobStore
internal import Logging
internal import Queues
internal import Synchronization
internal import TempFiles

/// Reads the logs in which hosts that share a broker claim jobs, for the wishes to cancel one that another host was
/// asked for.
final class ClaimsWatch: Sendable {
    /// The log as one connection reaches it. The next connection may lead to another broker.
    private struct Log {
        var client: AMQPClient
        var log: ClaimsLog
    }

    private let logs = Mutex<[MediaKind: Log]>([:])
    private let broker: BrokerLink
    private let queues: QueueLayout
    private let tracker: TempFileTracker
    private let node: String
    private let logger: Logger

    /// nil when there is no other host.
    init?(_ broker: BrokerLink, queues: QueueLayout, tracker: TempFileTracker, logger: Logger) {
        guard let node = queues.names.node else { return nil }
        self.broker = broker
        self.queues = queues
        self.tracker = tracker
        self.node = node
        self.logger = logger
    }

    /// The log as it is reached now; nil before the first try to connect.
    private func log(_ kind: MediaKind) async -> ClaimsLog? {
        guard let client = await broker.link, let endpoints = await broker.endpoints else { return nil }
        return logs.withLock { logs in
            if let known = logs[kind], known.client === client { return known.log }
            let log = ClaimsLog(
                kind,
                layout: queues,
                client: client,
                endpoints: endpoints,
                tracker: tracker,
                logger: logger
            )
            logs[kind] = log.map { Log(client: client, log: $0) }
            return log
        }
    }

    /// Runs until the task is cancelled.
    ///
    /// - Parameter end: ends a job of this host that waits.
    func run(_ end: @escaping @Sendable (JobKey) async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for kind in MediaKind.allCases {
                group.addTask { [self] in
                    while !Task.isCancelled {
                        await log(kind)?.follow { job in
                            // Most are other hosts'.
                            if (try? await tracker.jobs.isCancelRequested(job)) ?? false { await end(job) }
                        }
                        // The connection was replaced, or there is none yet.
                        try? await Task.sleep(for: .seconds(1))
                    }
                }
            }
        }
    }

    /// Asks the host that has the job, or will have it, to cancel it.
    ///
    /// - Throws: ``TreeError`` at once when the broker is away, or `AMQPError`.
    func wishCancelled(_ job: JobKey) async throws {
        _ = try await broker.connected()
        guard let log = await log(job.kind) else { throw TreeError(message: "the broker is not known yet") }
        try await log.wishCancelled(job)
    }

    /// Whether another host has claimed the job after this one had it.
    func isElsewhere(_ job: JobKey) async throws -> Bool {
        guard let claimant = try await tracker.jobs.claimant(of: job, redrives: 0, hop: 0) else { return false }
        return claimant != node
    }
}
