internal import Files
internal import FoundationEssentials
internal import Glibc
internal import JobModel
internal import JobStore
internal import Logging
internal import Queues
internal import Settings
internal import Spill
internal import TempFiles
internal import WorkerProtocol

/// Describes the running tree for HTTP.
struct TreeStatus: StatusSource {
    var settings: Settings
    var tracker: TempFileTracker
    var spill: any SpillStore
    var disk: DiskWatch
    var pools: PoolSupervisor
    var broker: BrokerLink
    var isBrokerPrivate: Bool
    var stop: StopSignals
    /// The settings in effect, which a reload may have changed.
    var current: @Sendable () async -> Settings
    /// The fault of the configuration that was read last; nil when it took effect.
    var refusedConfiguration: @Sendable () async -> String?
    var store: StoreWatch
    /// nil without `S3_EVENTS_QUEUE`.
    var events: BucketEvents?
    let authorities = AuthoritiesWatch()
    var logger: Logger
    let startedAt = Date()
    private let start = ContinuousClock.now

    func health() async -> HealthReport {
        var files: [MediaKind: TempFileStatistics]?
        var stuck: [StuckFile] = []
        var ages = LedgerAges()
        var reservedBytes: Int64?
        var spill = SpillFigures()
        var ledgerProblem: String?
        let space = await disk.look()
        do throws(TempFileError) {
            files = try await tracker.statistics()
            reservedBytes = try await tracker.reservedBytes()
            stuck = try await tracker.stuckFiles(limit: HealthReport.maximumStuckFiles)
            ages = try await tracker.jobs.ages()
            spill = try await tracker.spillFigures()
        } catch {
            ledgerProblem = error.message
        }
        let snapshots = await pools.snapshots
        let alarm = snapshots.flatMap(\.workers).first { $0.processID != nil && $0.report?.brokerAlarm != nil }?.report?
            .brokerAlarm
        let blockedReason = await broker.blockedReason ?? alarm
        return HealthReport(
            HealthFacts(
                pools: snapshots,
                waiting: await waiting(snapshots),
                brokerAddress: await broker.address,
                isBrokerPrivate: isBrokerPrivate,
                brokerProblem: await broker.problem,
                brokerBlockedReason: blockedReason,
                files: files,
                ledgerProblem: ledgerProblem,
                stuck: stuck,
                spill: spill,
                ages: ages,
                freeBytes: space?.space.freeBytes,
                totalBytes: space?.space.totalBytes,
                usedPercent: space?.space.usedPercent,
                reservedBytes: reservedBytes,
                deletedOpenBytes: tracker.deletedOpenBytes(),
                isDiskAlert: space?.isAlert ?? false,
                refusedConfiguration: await refusedConfiguration(),
                storeProblem: store.problem,
                authoritiesProblem: await authorities.problem(await current().webSources.authoritiesFile),
                hostsAway: HostsAway.merged(snapshots),
                bucketEventProblem: events?.status.problem,
                isStopping: await stop.count > 0,
                version: Version.text,
                uptimeSeconds: start.duration(to: .now).seconds
            )
        )
    }

    /// How long `/health` waits for a broker that does not answer.
    private static let patience = Duration.seconds(1)

    /// Messages that no worker of this host is to take: they are in its own queues whose pools have been scaled to
    /// none. The broker is only asked while there are such.
    private func waiting(_ pools: [PoolSnapshot]) async -> [PoolName: Int] {
        let idle = pools.filter { $0.wanted == 0 }.map {
            ($0.name, settings.queueNames.work($0.name.kind, $0.name.stage))
        }
        guard !idle.isEmpty, let depths = await broker.depths(of: idle.map(\.1), within: Self.patience) else {
            return [:]
        }
        return Dictionary(idle.compactMap { name, queue in depths[queue].map { (name, $0) } }) { $1 }
    }

    func info() async -> InfoReport {
        let snapshots = await pools.snapshots
        let own = ProcessTable.usage(of: getpid())
        return InfoReport(
            version: Version.text,
            pid: getpid(),
            startedAt: Timestamp.string(startedAt),
            uptimeSeconds: start.duration(to: .now).seconds,
            residentBytes: own?.residentBytes ?? 0,
            proportionalBytes: own?.proportionalBytes,
            cpuSeconds: own?.processorSeconds,
            broker: HealthReport.Broker(
                connected: await broker.problem == nil,
                isPrivate: isBrokerPrivate,
                address: await broker.address
            ),
            workspace: tracker.workspace.path,
            configuration: Dictionary(await current().effective.map { ($0.name, $0.value) }) { _, last in last },
            stages: snapshots.map { InfoReport.Pool($0, queues: settings.queueNames) },
            fileSourceRoots: await current().fileSourceRoots,
            bucketEvents: events?.status
        )
    }

    func job(_ key: JobKey) async throws -> JobDetailView? {
        let limit = JobDetailView.maximumFiles
        guard let detail = try await Problem.onLedger({ try await tracker.jobs.detail(key, fileLimit: limit) }) else {
            return nil
        }
        return JobDetailView(detail, workers: await pools.snapshots, limits: await current().attemptLimits)
    }

    func kinds(ofJob id: ByteText) async throws -> [MediaKind] {
        try await Problem.onLedger { try await tracker.jobs.jobs(id: id) }.map(\.kind)
    }

    func jobs(_ query: JobQuery) async throws -> JobList {
        if query.isForNone { return JobList(jobs: []) }
        let page = try await Problem.onLedger {
            try await tracker.jobs.jobs(query.filter, before: query.cursor, limit: query.limit)
        }
        let snapshots = await pools.snapshots
        let limits = await current().attemptLimits
        return JobList(
            jobs: page.jobs.map { JobView($0, workers: snapshots, limits: limits) },
            next: page.next.map(String.init)
        )
    }

    func orphans() async throws -> OrphanReport {
        let effective = await current()
        return try await Problem.onLedger {
            let orphans = try await tracker.findOrphanedFiles(SweepRules(settings))
            var report = OrphanReport(workspace: tracker.workspace.path, orphans: orphans)
            report.store = await StoreOrphanReport.look(effective, tracker, logger)
            if let spilled = SpillOrphans(tracker: tracker, store: spill, settings: settings) {
                report.add(try await spilled.find())
            }
            return report.bounded()
        }
    }

    func deadLetters(limit: Int) async throws -> DeadLetters.List {
        try await Problem.onBroker {
            try await DeadLetters(broker, queues: settings.queueLayout, logger: logger).list(limit: limit)
        }
    }
}
