internal import JobModel
internal import Queues
internal import WorkerProtocol

/// The answer of `GET /info`.
struct InfoReport: Sendable, Codable, Equatable {
    struct Pool: Sendable, Codable, Equatable {
        var name: String
        var stage: Stage
        var kind: MediaKind
        var queue: String
        var wanted: Int
        var processes: [Process]
    }

    struct Process: Sendable, Codable, Equatable {
        var name: String
        var pid: Int32?
        var state: String
        /// The id of the job it works on.
        var job: String?
        /// Which attempt of the stage at that job this is, counted from 1, and how many there may be.
        var attempt: Int64?
        var attemptLimit: Int64?
        /// Progress of the stage's work on that job, in per cent.
        var progress: Int?
        var counters: WorkerReport.Counters
        /// Memory in RAM, shared pages included.
        var residentBytes: Int64
        /// Memory in RAM, shared pages divided among those that share them.
        var proportionalBytes: Int64?
        /// On a processor since the start.
        var cpuSeconds: Double?
        var uptimeSeconds: Double?
        var silentSeconds: Double?
    }

    var name = "media-processor"
    var version: String
    var pid: Int32
    /// ISO 8601.
    var startedAt: String
    var uptimeSeconds: Double
    /// Memory of the supervisor itself, counted as for each process.
    var residentBytes: Int64
    var proportionalBytes: Int64?
    var cpuSeconds: Double?
    var broker: HealthReport.Broker
    var workspace: String
    /// Environment keys and their values as in effect; secrets are replaced.
    var configuration: [String: String]
    var stages: [Pool]
    /// Absolute paths of the directories that a `file:` source may lie in; absent in answers of older versions.
    var fileSourceRoots: [String]?
    /// Absent without `S3_EVENTS_QUEUE`.
    var bucketEvents: BucketEventStatus?
}

extension InfoReport.Pool {
    /// - Parameter usage: memory and processor time of a process; nil when it is gone.
    init(_ pool: PoolSnapshot, queues: QueueNames, usage: (Int32) -> ProcessUsage? = ProcessTable.usage) {
        name = pool.name.description
        stage = pool.name.stage
        kind = pool.name.kind
        queue = queues.work(pool.name.kind, pool.name.stage)
        wanted = pool.wanted
        processes = pool.workers.map { worker in
            let used = worker.processID.flatMap(usage)
            return InfoReport.Process(
                name: worker.name,
                pid: worker.processID,
                state: worker.state,
                job: worker.report?.job,
                attempt: worker.report?.attempt,
                attemptLimit: worker.report?.attemptLimit,
                progress: worker.report?.progress,
                counters: worker.report?.counters ?? WorkerReport.Counters(),
                residentBytes: used?.residentBytes ?? 0,
                proportionalBytes: used?.proportionalBytes,
                cpuSeconds: used?.processorSeconds,
                uptimeSeconds: worker.uptime?.seconds,
                silentSeconds: worker.silence?.seconds
            )
        }
    }
}
