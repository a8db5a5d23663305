internal import AMQP
internal import JobModel
internal import Logging
internal import Queues

/// Looks at the lengths of the updates queues, and has those trimmed that fill up.
struct UpdatesWatch: MaintenanceService {
    static let interval = Duration.seconds(10)
    /// The longest wait after a trim that found too little to drop: the head of the queue is terminal updates then.
    static let longestPause = Duration.seconds(3600)

    let queues: QueueNames
    let broker: BrokerLink
    /// `UPDATES_MAX_LENGTH` as in effect; 0 is no limit.
    let limit: @Sendable () async -> Int
    let logger: Logger

    /// Runs until the task is cancelled.
    func run() async {
        var pauses: [MediaKind: (until: ContinuousClock.Instant, length: Duration)] = [:]
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.interval) } catch { return }
            let limit = await limit()
            let names = MediaKind.allCases.map { queues.updates($0) }
            guard limit > 0, let depths = await broker.depths(of: names) else { continue }
            for kind in MediaKind.allCases {
                if let pause = pauses[kind], pause.until > .now { continue }
                guard let result = await trim(queues.updates(kind), depths, limit) else {
                    pauses[kind] = nil
                    continue
                }
                // A trim that dropped less than half of the excess is not worth another one soon.
                guard result.dropped < (result.waiting - limit / 2) / 2 else {
                    pauses[kind] = nil
                    continue
                }
                let length = min((pauses[kind]?.length ?? Self.interval) * 2, Self.longestPause)
                pauses[kind] = (.now + length, length)
            }
        }
    }

    /// nil when there was nothing to do.
    private func trim(_ queue: String, _ depths: [String: Int], _ limit: Int) async -> UpdatesTrim.Result? {
        guard let endpoints = await broker.endpoints, let depth = depths[queue] else { return nil }
        let trim = UpdatesTrim(endpoints: endpoints, limit: limit)
        guard trim.isDue(at: depth) else { return nil }
        do {
            let result = try await trim.run(queue)
            logger.warning(
                "nobody reads the updates queue; its oldest progress updates are dropped (UPDATES_MAX_LENGTH)",
                metadata: [
                    LogKey.queueName: "\(queue)", "messages": "\(result.waiting)", "dropped": "\(result.dropped)",
                    "terminal": "\(result.kept)",
                ]
            )
            return result
        } catch {
            logger.warning(
                "the updates queue was not trimmed; it is tried again",
                metadata: [LogKey.queueName: "\(queue)", LogKey.cause: "\(error)"]
            )
            return nil
        }
    }
}
