internal import JobModel
internal import TempFiles
internal import WorkerProtocol

/// The tree at a glance: the answer of `GET /overview`, and the document of every event of `GET /events`.
///
/// Holds nothing that changes by itself with time, so that equal states have equal documents.
struct Overview: Sendable, Codable, Equatable {
    struct Pool: Sendable, Codable, Equatable {
        var name: String
        var stage: Stage
        var kind: MediaKind
        var queue: String
        /// Messages that wait for a worker; absent when the broker does not say.
        var depth: Int?
        var wanted: Int
        var ready: Int
        /// Starts after an end, requested or not.
        var restarts: Int
        /// Ends that were not requested.
        var deaths: Int
        var failing: Bool
        var lastExit: HealthReport.LastExit?
        var workers: [Worker]
    }

    struct Worker: Sendable, Codable, Equatable {
        var name: String
        var pid: Int32?
        var state: String
        var job: String?
        /// Progress of the stage's work on that job, in per cent.
        var progress: Int?
    }

    struct Disk: Sendable, Codable, Equatable {
        var freeBytes: Int64?
        var totalBytes: Int64?
        /// 0 to 100, as `df` counts, to a tenth.
        var usedPercent: Double?
        /// The use at which the alert is raised, in per cent.
        var alertPercent: Double
        /// Bytes that all temp files may take; absent when the disk is the only limit.
        var budgetBytes: Int64?
        var reservedBytes: Int64?
        /// Bytes that temp files take.
        var tempBytes: Int64
    }

    var version: String
    var startedAt: String
    var status: HealthReport.Status
    var problems: [String]
    var broker: HealthReport.Broker
    var disk: Disk
    var tempFiles: [String: HealthReport.Files]
    var pools: [Pool]
    /// Jobs that have not ended, the newest first, at most ``maximumJobs``, each with its temp files.
    var jobs: [JobView]
    /// Whether there are more.
    var hasMoreJobs: Bool
    /// The last jobs that completed, the newest first, at most ``maximumRecent``.
    var recent: [JobView]
    /// The last jobs that failed, the newest first, at most ``maximumFailures``.
    var failures: [JobView]
    /// Messages in the dead-letter queues by kind; absent when the broker does not answer.
    var deadLetters: [String: Int]?

    static let maximumJobs = 100
    static let maximumRecent = 5
    static let maximumFailures = 20
}

extension Overview.Pool {
    init(_ pool: PoolSnapshot, queue: String, depth: Int?) {
        name = pool.name.description
        stage = pool.name.stage
        kind = pool.name.kind
        self.queue = queue
        self.depth = depth
        wanted = pool.wanted
        ready = pool.ready
        restarts = pool.restarts
        deaths = pool.deathCount
        failing = pool.isFailing
        lastExit = pool.lastExit.map { HealthReport.LastExit(worker: $0.worker, cause: $0.cause) }
        workers = pool.workers.map { worker in
            Overview.Worker(
                name: worker.name,
                pid: worker.processID,
                state: worker.state,
                job: worker.report?.job,
                progress: worker.report?.progress
            )
        }
    }
}
