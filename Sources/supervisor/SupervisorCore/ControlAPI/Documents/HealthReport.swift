internal import JobModel
internal import TempFiles
internal import Text

/// The answer of `GET /health`.
struct HealthReport: Sendable, Codable, Equatable {
    enum Status: String, Sendable, Codable {
        /// All that is wanted runs.
        case healthy
        /// Jobs of all kinds go on, with less than is wanted.
        case degraded
        /// Jobs of some kind do not go on.
        case unhealthy
    }

    struct Files: Sendable, Codable, Equatable {
        var totalJobs = 0
        var totalFiles = 0
        /// Bytes on disk, compressed files as they are.
        var totalSize: Int64 = 0
        /// Only while there are such.
        var compressedFiles: Int?
        /// Bytes that all would take if none was compressed; only while some are.
        var uncompressedSize: Int64?
        /// Files that are in the spill store and take no space here; only while there are such.
        var spilledFiles: Int?
        /// Bytes of these.
        var spilledSize: Int64?
    }

    struct Broker: Sendable, Codable, Equatable {
        var connected: Bool
        /// Whether the tree runs its own.
        var isPrivate: Bool
        /// Without the password.
        var address: String

        enum CodingKeys: String, CodingKey {
            case connected
            case isPrivate = "private"
            case address
        }
    }

    struct PoolStatus: Sendable, Codable, Equatable {
        var wanted: Int
        var ready: Int
        /// Starts after an end, requested or not.
        var restarts: Int
        /// Ends that were not requested.
        var deaths: Int
        var failing: Bool
        /// Messages in its queue; only while it is to have no workers.
        var waiting: Int?
        var lastExit: LastExit?
    }

    struct LastExit: Sendable, Codable, Equatable {
        var worker: String
        var cause: String
    }

    struct Disk: Sendable, Codable, Equatable {
        /// Bytes that can still be written where the temp files are; absent when the system does not say.
        var freeBytes: Int64?
        var totalBytes: Int64?
        /// 0 to 100, as `df` counts.
        var usedPercent: Double?
        /// Bytes promised to jobs, with those that they have written.
        var reservedBytes: Int64?
        /// Bytes of temp files that are deleted and still open in one of our processes.
        var deletedOpenBytes: Int64
    }

    /// A temp file that could not be removed yet.
    struct Stuck: Sendable, Codable, Equatable {
        var path: String
        var job: String
        /// 0 before a try has come to its end.
        var errno: Int32
        /// The errno in words.
        var cause: String
        var attempts: Int64
    }

    /// What was spilled since the ledger was begun.
    struct Spill: Sendable, Codable, Equatable {
        var spills: Int64
        var spilledBytes: Int64
        var fetches: Int64
        var fetchedBytes: Int64
        var failures: Int64
        /// Objects that nobody needs any more, and that are not deleted yet.
        var leavingObjects: Int
        var leavingBytes: Int64
    }

    /// A host of sources or of the store that workers have found away or overloaded.
    struct HostAway: Sendable, Codable, Equatable {
        /// Name or address with the port.
        var host: String
        /// ISO 8601.
        var since: String
        /// In words.
        var cause: String
        /// Jobs that wait for it on this host, and lose no attempt at first.
        var waitingJobs: Int
    }

    /// The job that has been in the ledger for longest without an end.
    struct OldestJob: Sendable, Codable, Equatable {
        var kind: MediaKind
        var id: ByteText
        var ageSeconds: Int64
    }

    var status: Status
    /// Each trouble in a sentence.
    var problems: [String]
    /// By kind.
    var tempFiles: [String: Files]
    var broker: Broker
    /// By name, such as `process.video`.
    var pools: [String: PoolStatus]
    var disk: Disk
    /// Those with the most jobs first, at most ``maximumHostsAway``; absent when there are none.
    var hostsAway: [HostAway]?
    /// The most tried first, at most ``maximumStuckFiles``.
    var stuck: [Stuck]
    /// Absent when nothing was ever spilled.
    var spill: Spill?
    /// Absent when there is none.
    var oldestJob: OldestJob?
    var version: String
    var uptimeSeconds: Double
}

/// The facts that the report is made from.
struct HealthFacts: Sendable {
    var pools: [PoolSnapshot]
    /// Messages in the queues of pools that are to have no workers.
    var waiting: [PoolName: Int] = [:]
    var brokerAddress: String
    var isBrokerPrivate: Bool
    /// nil when connected; else why not.
    var brokerProblem: String?
    /// Connected, but the broker takes no messages.
    var brokerBlockedReason: String?
    /// nil when the ledger could not be read.
    var files: [MediaKind: TempFileStatistics]?
    var ledgerProblem: String?
    var stuck: [StuckFile] = []
    var spill = SpillFigures()
    var ages = LedgerAges()
    var freeBytes: Int64?
    var totalBytes: Int64?
    var usedPercent: Double?
    /// nil when the ledger could not be read.
    var reservedBytes: Int64?
    var deletedOpenBytes: Int64 = 0
    /// Whether `TEMP_ALERT_PERCENT` is reached.
    var isDiskAlert = false
    /// The fault of the configuration that was read last, none of which took effect.
    var refusedConfiguration: String?
    /// Why no output can be published now.
    var storeProblem: String?
    /// Why `TLS_CA_FILE` cannot be used.
    var authoritiesProblem: String?
    /// Those that workers have found away.
    var hostsAway: [HostAbsence] = []
    /// Why no jobs are made of bucket events now.
    var bucketEventProblem: String?
    var isStopping: Bool
    var version: String
    var uptimeSeconds: Double
}

extension HealthReport {
    private static func cause(_ file: StuckFile) -> String {
        file.errno.map { systemMessage($0) } ?? "the job's clean-up was given up, as its workers died"
    }

    /// Below this a job of common size may find no room.
    static let lowDiskBytes: Int64 = 1 << 30
    static let maximumStuckFiles = 20
    /// Tries to delete an object that may fail before it is a trouble.
    static let spillPatience: Int64 = 3
    static let maximumHostsAway = 20

    private static func sentence(_ away: HostAway) -> String {
        let jobs = away.waitingJobs == 1 ? "1 job waits" : "\(away.waitingJobs) jobs wait"
        return "\(away.host) is away since \(away.since): \(away.cause)"
            + (away.waitingJobs > 0 ? "; \(jobs) for it" : "")
    }

    init(_ facts: HealthFacts) {
        var degraded: [String] = []
        var unhealthy: [String] = []
        if facts.isStopping { unhealthy.append("the supervisor is stopping") }
        if let problem = facts.brokerProblem { unhealthy.append("the broker is away: \(problem)") }
        if let reason = facts.brokerBlockedReason { unhealthy.append("the broker takes no messages: \(reason)") }
        if let problem = facts.ledgerProblem { unhealthy.append("the ledger of temp files cannot be read: \(problem)") }
        if let free = facts.freeBytes, free < Self.lowDiskBytes {
            degraded.append("only \(ByteCount.text(free)) are free where the temp files are")
        }
        if facts.isDiskAlert {
            let percent = facts.usedPercent.map { "\(Int($0)) % of" } ?? "much of"
            degraded.append("\(percent) the file system of the temp files is used")
        }
        if let problem = facts.storeProblem { degraded.append("the object store takes no outputs: \(problem)") }
        if let problem = facts.authoritiesProblem {
            degraded.append("sources and upload URLs by https: cannot be reached: \(problem); correct TLS_CA_FILE")
        }
        let away = facts.hostsAway.prefix(Self.maximumHostsAway).map { HostAway($0) }
        hostsAway = away.isEmpty ? nil : away
        degraded += away.map(Self.sentence)
        if facts.hostsAway.count > away.count {
            degraded.append("\(facts.hostsAway.count - away.count) more hosts are away")
        }
        if let problem = facts.bucketEventProblem {
            degraded.append("no jobs are made of bucket events: \(problem)")
        }
        if let problem = facts.refusedConfiguration {
            degraded.append(
                "a changed configuration was refused, and the one before goes on: \(problem); correct it and send "
                    + "SIGHUP again"
            )
        }
        for file in facts.stuck {
            degraded.append(
                file.errno == nil
                    ? "the temp file \(file.path) is not removed yet: \(Self.cause(file))"
                    : "the temp file \(file.path) cannot be removed: \(Self.cause(file)), tried \(file.attempts) times"
            )
        }
        if facts.spill.mostAttempts >= Self.spillPatience, let cause = facts.spill.cause {
            degraded.append(
                "\(facts.spill.leaving.files) spilled objects cannot be deleted, tried \(facts.spill.mostAttempts) "
                    + "times: \(cause)"
            )
        }
        for pool in facts.pools where pool.wanted > 0 {
            let exit = pool.lastExit.map { "; \($0.worker) ended with \($0.cause)" } ?? ""
            if pool.isFailing { unhealthy.append("workers of \(pool.name) keep dying\(exit)") }
            if pool.ready == 0, !pool.isFailing {
                unhealthy.append("no worker of \(pool.name) is ready\(exit)")
            } else if pool.ready < pool.wanted, !pool.isFailing {
                degraded.append("\(pool.ready) of \(pool.wanted) workers of \(pool.name) are ready\(exit)")
            }
        }
        for pool in facts.pools where pool.wanted == 0 {
            guard let count = facts.waiting[pool.name], count > 0 else { continue }
            degraded.append(
                (count == 1 ? "1 message waits" : "\(count) messages wait")
                    + " for \(pool.name), which is to have no workers; `supervisor scale \(pool.name)=1` gives it one"
            )
        }
        status = !unhealthy.isEmpty ? .unhealthy : !degraded.isEmpty ? .degraded : .healthy
        problems = unhealthy + degraded
        tempFiles = Dictionary(
            uniqueKeysWithValues: MediaKind.allCases.map { kind in
                let files = facts.files?[kind] ?? TempFileStatistics()
                return (
                    kind.rawValue,
                    Files(
                        totalJobs: files.totalJobs,
                        totalFiles: files.totalFiles,
                        totalSize: files.totalSizeBytes,
                        compressedFiles: files.compressedFiles > 0 ? files.compressedFiles : nil,
                        uncompressedSize: files.compressedFiles > 0 ? files.uncompressedSizeBytes : nil,
                        spilledFiles: files.spilledFiles > 0 ? files.spilledFiles : nil,
                        spilledSize: files.spilledFiles > 0 ? files.spilledBytes : nil
                    )
                )
            }
        )
        broker = Broker(
            connected: facts.brokerProblem == nil,
            isPrivate: facts.isBrokerPrivate,
            address: facts.brokerAddress
        )
        pools = Dictionary(
            uniqueKeysWithValues: facts.pools.map { pool in
                (
                    pool.name.description,
                    PoolStatus(
                        wanted: pool.wanted,
                        ready: pool.ready,
                        restarts: pool.restarts,
                        deaths: pool.deathCount,
                        failing: pool.isFailing,
                        waiting: pool.wanted == 0 ? facts.waiting[pool.name] : nil,
                        lastExit: pool.lastExit.map { LastExit(worker: $0.worker, cause: $0.cause) }
                    )
                )
            }
        )
        disk = Disk(
            freeBytes: facts.freeBytes,
            totalBytes: facts.totalBytes,
            usedPercent: facts.usedPercent,
            reservedBytes: facts.reservedBytes,
            deletedOpenBytes: facts.deletedOpenBytes
        )
        stuck = facts.stuck.map {
            Stuck(
                path: $0.path,
                job: $0.job.description,
                errno: $0.errno ?? 0,
                cause: Self.cause($0),
                attempts: $0.attempts
            )
        }
        spill = Spill(facts.spill)
        if let job = facts.ages.oldestJob, let age = facts.ages.oldestJobAge {
            oldestJob = OldestJob(kind: job.kind, id: job.id, ageSeconds: age.components.seconds)
        }
        version = facts.version
        uptimeSeconds = facts.uptimeSeconds
    }
}

extension HealthReport.Spill {
    /// nil when nothing was ever spilled.
    init?(_ figures: SpillFigures) {
        let counts = figures.total
        guard counts != SpillFigures.Counts() || figures.leaving.files > 0 else { return nil }
        self.init(
            spills: counts.spills,
            spilledBytes: counts.spilledBytes,
            fetches: counts.fetches,
            fetchedBytes: counts.fetchedBytes,
            failures: counts.failures,
            leavingObjects: figures.leaving.files,
            leavingBytes: figures.leaving.sizeBytes
        )
    }
}
