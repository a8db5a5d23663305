import JobModel
import Queues
import Settings
import Synchronization
import TempFiles
import TestSupport

@testable import SupervisorCore

/// A tree with a status that the test sets, which records the orders that it gets.
final class FakeTree: StatusSource, TreeControl {
    enum Order: Sendable, Equatable {
        case check(EntryMessage)
        case submit(EntryMessage)
        case cancel(JobKey)
        case cleanOrphans
        case scale(PoolName, Int)
        case restart(PoolName, isRolling: Bool)
        case redrive(DeadLetters.Selection)
        case discard(DeadLetters.Selection)
    }

    struct State {
        var facts = HealthReportTests.facts()
        var jobs: [JobKey: [JobView]] = [:]
        var orders: [Order] = []
        var queries: [JobQuery] = []
        var isLedgerBroken = false
        var isBrokerAway = false
        /// Of every job that is looked at.
        var refusal: Problem?
    }

    private let state = Mutex(State())
    static let token = APIToken("0123456789abcdef-token")

    /// Runs `body` beside a server of this tree.
    func serving(
        limits: StatusServer.Limits = .init(),
        settings: [String: String] = [:],
        _ body: (Int) async throws -> Void
    ) async throws {
        let gate = RequestGuard(try Settings.from(settings), token: Self.token)
        let server = try await StatusServer(
            source: self,
            control: self,
            gate: gate,
            limits: limits,
            logger: TestBroker.logger
        ).start(port: 0)
        do {
            try await body(server.port)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    var orders: [Order] { state.withLock { $0.orders } }
    var queries: [JobQuery] { state.withLock { $0.queries } }

    // MARK: - StatusSource

    func health() async -> HealthReport { state.withLock { HealthReport($0.facts) } }

    func info() async -> InfoReport {
        InfoReport(
            version: "1",
            pid: 1,
            startedAt: "",
            uptimeSeconds: 1,
            residentBytes: 1,
            broker: await health().broker,
            workspace: "/tmp/media-processor",
            configuration: ["RABBITMQ_URL": "(secret)"],
            stages: state.withLock { $0.facts.pools.map { InfoReport.Pool($0, queues: QueueNames(prefix: "p.")) } }
        )
    }

    func overview() async -> Overview {
        let health = await health()
        let (pools, jobs) = state.withLock { ($0.facts.pools, $0.jobs.values.compactMap(\.first)) }
        return Overview(
            version: "1",
            startedAt: "",
            status: health.status,
            problems: health.problems,
            broker: health.broker,
            disk: Overview.Disk(alertPercent: 90, tempBytes: 3),
            tempFiles: health.tempFiles,
            pools: pools.map { Overview.Pool($0, queue: "q", depth: 0) },
            jobs: jobs.filter { !$0.isOver },
            hasMoreJobs: false,
            recent: jobs.filter { $0.outcome == .completed },
            failures: jobs.filter { $0.outcome == .failed }
        )
    }

    func metrics() async -> String { "" }

    /// Each look at a job sees its next view; the last one stays.
    func job(_ key: JobKey) async throws -> JobDetailView? {
        try state.withLock { state in
            if state.isLedgerBroken { throw Problem(title: "The ledger cannot be read", status: 503) }
            guard let views = state.jobs[key], let view = views.first else { return nil }
            if views.count > 1 { state.jobs[key]?.removeFirst() }
            return JobDetailView(job: view, stages: [], timeline: [], history: [], files: [])
        }
    }

    func kinds(ofJob id: ByteText) async throws -> [MediaKind] {
        state.withLock { state in MediaKind.allCases.filter { state.jobs[JobKey(kind: $0, id: id)] != nil } }
    }

    func jobs(_ query: JobQuery) async throws -> JobList {
        state.withLock { state in
            state.queries.append(query)
            return JobList(jobs: Array(state.jobs.values.compactMap(\.first).prefix(query.limit)))
        }
    }

    func orphans() async throws -> OrphanReport { OrphanReport(workspace: "/tmp/media-processor", orphans: []) }

    func deadLetters(limit: Int) async throws -> DeadLetters.List { DeadLetters.List() }

    // MARK: - TreeControl

    private func note(_ order: Order) throws {
        try state.withLock { state in
            if state.isBrokerAway { throw Problem(title: "The broker cannot be reached", status: 503) }
            state.orders.append(order)
        }
    }

    func check(_ job: EntryMessage) async throws {
        try note(.check(job))
        if let refusal = state.withLock({ $0.refusal }) { throw refusal }
    }

    func submit(_ job: EntryMessage) async throws { try note(.submit(job)) }
    func scale(_ pool: PoolName, to workers: Int) async throws { try note(.scale(pool, workers)) }
    func restart(_ pool: PoolName, isRolling: Bool) async throws { try note(.restart(pool, isRolling: isRolling)) }

    func cleanOrphans() async throws -> OrphanReport {
        try note(.cleanOrphans)
        return try await orphans()
    }

    func cancel(_ key: JobKey) async throws -> CancelReport {
        try note(.cancel(key))
        return CancelReport(kind: key.kind, id: key.id, known: true)
    }

    func redrive(_ selection: DeadLetters.Selection) async throws -> DeadLetters.Redriven {
        try note(.redrive(selection))
        return DeadLetters.Redriven()
    }

    func discard(_ selection: DeadLetters.Selection) async throws -> DeadLetters.Discarded {
        try note(.discard(selection))
        return DeadLetters.Discarded()
    }
}
