internal import AMQP
internal import JobModel
internal import Logging
internal import Queues
internal import Settings
internal import Spill
internal import TempFiles
internal import WorkerProtocol

/// Carries out the orders that the running tree gets by HTTP.
struct TreeActions: TreeControl {
    var settings: Settings
    var tracker: TempFileTracker
    var spill: any SpillStore
    var pools: PoolSupervisor
    var broker: BrokerLink
    /// nil when there is no other host.
    var claims: ClaimsWatch?
    var search: WaitingJobs
    /// The settings in effect, which a reload may have changed.
    var current: @Sendable () async -> Settings
    var logger: Logger
    private let sources = SourceGate()

    func check(_ job: EntryMessage) async throws { try await sources.check(job.ticket, await current()) }

    func submit(_ job: EntryMessage) async throws {
        try await check(job)
        let queue = settings.queueLayout.entry(job.ticket.kind)
        try await Problem.onBroker { try await broker.connected().publish(job, declaring: queue) }
    }

    func cancel(_ key: JobKey) async throws -> CancelReport {
        let cancellation = JobCancellation(
            tracker: tracker,
            broker: broker,
            queues: settings.queueLayout,
            claims: claims,
            search: search,
            logger: logger
        )
        let result = try await Problem.onBroker { try await Problem.onLedger { try await cancellation.request(key) } }
        switch result.answer {
        case .requested: return CancelReport(kind: key.kind, id: key.id, known: true)
        case .unknown:
            return CancelReport(
                kind: key.kind,
                id: key.id,
                known: false,
                absent: result.isAbsent ? true : nil,
                detail: unknown(result)
            )
        case .over(let outcome):
            let end = outcome.map { "has ended: \($0.rawValue)" } ?? "is ending"
            throw Problem(title: "Too late", status: 409, detail: "the job \(key) \(end)")
        }
    }

    private func unknown(_ result: JobCancellation.Result) -> String {
        if result.isAbsent { return "no such job is known; should its message come, it is cancelled then" }
        return claims == nil
            ? "no such job is known; one that waits in the download queue is cancelled when it is delivered"
            : "no such job is known on this host; the host that has it or gets it cancels it"
    }

    func cleanOrphans() async throws -> OrphanReport {
        try await Problem.onLedger {
            let rules = SweepRules(settings)
            var report = OrphanReport(
                workspace: tracker.workspace.path,
                orphans: try await tracker.findOrphanedFiles(rules)
            )
            let effective = await current()
            report.store = await StoreOrphanReport.look(effective, tracker, logger)
            let spilled = SpillOrphans(tracker: tracker, store: spill, settings: settings)
            if let spilled { report.add(try await spilled.find()) }
            report = report.bounded()
            let (broker, queues) = (broker, settings.queueLayout)
            var cleaned = try await tracker.cleanupOrphanedFiles(rules) { try await broker.end($0, queues: queues) }
            let objects = try await spilled?.clean()
            if let objects { cleaned.add(objects.report) }
            report.cleaned = OrphanReport.Cleaned(
                cleaned,
                leavesAbandonedJobs: false,
                spillProblem: objects?.problem
            )
            if report.store != nil {
                report.cleaned?.store = await StoreOrphanReport.clean(effective, tracker, logger)
            }
            return report
        }
    }

    func scale(_ pool: PoolName, to workers: Int) async throws {
        try await onPools { _ = try await pools.scale(pool, to: workers) }
    }

    func restart(_ pool: PoolName, isRolling: Bool) async throws {
        try await onPools { try await pools.restart(pool, rolling: isRolling) }
    }

    func redrive(_ selection: DeadLetters.Selection) async throws -> DeadLetters.Redriven {
        try await Problem.onBroker {
            try await DeadLetters(broker, queues: settings.queueLayout, logger: logger).redrive(selection)
        }
    }

    func discard(_ selection: DeadLetters.Selection) async throws -> DeadLetters.Discarded {
        try await Problem.onBroker {
            try await DeadLetters(broker, queues: settings.queueLayout, logger: logger).discard(selection)
        }
    }

    private func onPools(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as PoolControlError {
            throw Problem(title: "Not possible now", status: 409, detail: error.message)
        }
    }
}

extension DeadLetters {
    /// The dead letters of the broker that the tree is connected to.
    ///
    /// - Throws: ``TreeError`` when it is away.
    init(_ broker: BrokerLink, queues: QueueLayout, logger: Logger) async throws {
        _ = try await broker.connected()
        guard let endpoints = await broker.endpoints else { throw TreeError(message: "the broker is not known yet") }
        self.init(endpoints: endpoints, queues: queues, logger: logger)
    }
}
