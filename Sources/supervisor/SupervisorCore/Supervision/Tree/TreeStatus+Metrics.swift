internal import Glibc
internal import JobModel
internal import JobStore
internal import Queues
internal import Settings
internal import TempFiles

extension TreeStatus {
    func metrics() async -> String {
        let snapshots = await pools.snapshots
        return MetricsReport.text(
            MetricsFacts(
                health: await health(),
                pools: snapshots,
                swept: tracker.cleaningCounters,
                filesByStage: try? await tracker.statisticsByStage(),
                ages: try? await tracker.jobs.ages(),
                depths: await depths(),
                bucketEvents: events?.status.counts,
                budgetBytes: settings.temporaryMaximumBytes,
                processes: Self.processes(snapshots),
                spill: (try? await tracker.spillFigures()) ?? SpillFigures()
            )
        )
    }

    private func depths() async -> [(kind: MediaKind, queue: String, messages: Int)]? {
        let names = settings.queueNames
        let queues = MediaKind.allCases.flatMap { kind in
            let others = [("updates", names.updates(kind)), ("dead", names.dead(kind))]
            // Queues of all hosts together have their stage's name, like those of the only host.
            let shared = names.node == nil ? [] : QueueNames.sharedStages
            let own = shared.map { ("\($0.rawValue)_own", names.work(kind, $0)) }
            return (Stage.allCases.map { ($0.rawValue, names.sources(kind, $0)[0]) } + own + others)
                .map { label, queue in (kind: kind, label: label, queue: queue) }
        }
        guard let depths = await broker.depths(of: queues.map(\.queue)) else { return nil }
        return queues.compactMap { entry in depths[entry.queue].map { (entry.kind, entry.label, $0) } }
    }

    private static func processes(_ pools: [PoolSnapshot]) -> [MetricsFacts.Process] {
        let workers = pools.flatMap(\.workers).compactMap { worker in worker.processID.map { (worker.name, $0) } }
        return ([("supervisor", getpid())] + workers).compactMap { name, processID in
            guard let seconds = ProcessTable.processorSeconds(of: processID) else { return nil }
            return MetricsFacts.Process(
                name: name,
                residentBytes: ProcessTable.residentBytes(of: processID),
                processorSeconds: seconds
            )
        }
    }
}
