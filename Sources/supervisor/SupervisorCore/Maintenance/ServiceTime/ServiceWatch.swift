internal import JobModel
internal import JobStore
internal import Logging
internal import Queues
internal import Settings
internal import TempFiles
internal import WorkerProtocol

/// Keeps the time of service in the ledger: jobs are silent, and finished ones remembered, by it and by no wall clock.
struct ServiceWatch: MaintenanceService {
    var tracker: TempFileTracker
    var settings: Settings
    var pools: PoolSupervisor
    var broker: BrokerLink
    var logger: Logger

    /// Between two looks; a connection or a pool that was gone in between costs so much, or twice as much, of the time.
    static let interval = Duration.seconds(5)
    /// Between two notes; what passes between them is lost when the process is killed.
    static let noteInterval = Duration.seconds(60)

    /// Runs until the task is cancelled.
    func run() async {
        // Does not count the time that the machine sleeps.
        let start = SuspendingClock.now
        let noteInterval = min(Self.noteInterval, .seconds(settings.jobMaximumAgeHours * 3600 / 4))
        var clock = ServiceClock()
        var noted = Duration.zero
        while !Task.isCancelled {
            let sight = await look()
            let now = start.duration(to: .now)
            clock.look(sight, at: now)
            if now - noted >= noteInterval {
                await note(&clock)
                noted = now
            }
            do { try await Task.sleep(for: min(Self.interval, noteInterval)) } catch {}
        }
        await note(&clock)
    }

    /// nil while jobs cannot go on because of the broker.
    private func look() async -> ServiceClock.Sight? {
        let snapshots = await pools.snapshots
        // The broker tells publishers alone of its alarms.
        let hasAlarm = snapshots.flatMap(\.workers).contains { $0.processID != nil && $0.report?.brokerAlarm != nil }
        let queue = settings.queueNames.updates(.video)
        guard !hasAlarm, let connection = await broker.connectionThatAnswers(asking: queue) else { return nil }
        let ready = snapshots.filter { $0.ready > 0 }.map { ServedStage($0.name.kind, $0.name.stage) }
        return ServiceClock.Sight(connection: connection, stages: Set(ready))
    }

    private func note(_ clock: inout ServiceClock) async {
        let (all, stages) = clock.take()
        if all == .zero { return }
        do throws(TempFileError) {
            try await tracker.jobs.addService(all, stages: stages)
        } catch {
            logger.warning("the time of service was not noted", metadata: [LogKey.cause: "\(error)"])
        }
    }
}
