internal import FoundationEssentials
internal import JobModel
internal import TempFiles
internal import WorkerProtocol

/// The facts that `GET /metrics` is made from.
struct MetricsFacts: Sendable {
    struct Process: Sendable {
        /// `supervisor`, or a worker's name.
        var name: String
        var residentBytes: Int64
        var processorSeconds: Double
    }

    var health: HealthReport
    var pools: [PoolSnapshot]
    /// Files that the supervisor itself has removed.
    var swept: CleaningCounters
    /// nil when the ledger could not be read.
    var filesByStage: [StageFileTotals]?
    var ages: LedgerAges?
    /// The lengths of queues, by kind and the last part of the queue's name; nil when the broker does not answer.
    var depths: [(kind: MediaKind, queue: String, messages: Int)]?
    /// nil without `S3_EVENTS_QUEUE`.
    var bucketEvents: BucketEventCounts?
    var budgetBytes: Int64
    var processes: [Process]
    var spill = SpillFigures()
}

/// The answer of `GET /metrics`.
enum MetricsReport {
    typealias Sample = PrometheusText.Sample

    static func text(_ facts: MetricsFacts) -> String {
        var text = PrometheusText()
        addTree(facts, to: &text)
        addJobs(facts, to: &text)
        if let events = facts.bucketEvents { addEvents(events, to: &text) }
        addFiles(facts, to: &text)
        addSpill(facts, to: &text)
        addDisk(facts, to: &text)
        addProcesses(facts, to: &text)
        return text.text
    }

    private static func addTree(_ facts: MetricsFacts, to text: inout PrometheusText) {
        let health = facts.health
        text.add(
            "media_processor_info",
            .gauge,
            "The version that runs; always 1.",
            [Sample(["version": health.version], 1)]
        )
        text.add(
            "media_processor_uptime_seconds",
            .gauge,
            "Since the supervisor started.",
            [Sample([:], health.uptimeSeconds)]
        )
        text.add(
            "media_processor_health_status",
            .gauge,
            "1 for the present status, 0 for the others.",
            [HealthReport.Status.healthy, .degraded, .unhealthy].map {
                Sample(["status": $0.rawValue], health.status == $0 ? 1 : 0)
            }
        )
        text.add(
            "media_processor_broker_connected",
            .gauge,
            "Whether the supervisor is connected to the broker.",
            [Sample([:], health.broker.connected ? 1 : 0)]
        )
        text.add(
            "media_processor_queue_messages",
            .gauge,
            "Messages that wait in a queue.",
            (facts.depths ?? []).map { Sample(["kind": $0.kind.rawValue, "queue": $0.queue], $0.messages) }
        )
        addHosts(facts, to: &text)
        func each(_ name: String, _ kind: PrometheusText.Kind, _ help: String, _ value: (PoolSnapshot) -> Int) {
            text.add("media_processor_" + name, kind, help, facts.pools.map { Sample($0.name.labels, value($0)) })
        }
        each("workers_wanted", .gauge, "Workers that a pool should have.") { $0.wanted }
        each("workers_ready", .gauge, "Workers that take jobs.") { $0.ready }
        each("workers_failing", .gauge, "1 when the workers of a pool keep dying.") { $0.isFailing ? 1 : 0 }
        each("worker_restarts_total", .counter, "Starts after the end of a worker; a rolling restart counts none.") {
            $0.restarts
        }
        text.add(
            "media_processor_worker_deaths_total",
            .counter,
            "Ends of workers that nobody had asked for, by cause; requested restarts are none.",
            facts.pools.flatMap { pool in
                let counted = Dictionary(uniqueKeysWithValues: Pool.commonDeaths.map { ($0, 0) })
                    .merging(pool.deaths) { $1 }
                return counted.sorted { $0.key < $1.key }.map { cause, count in
                    Sample(
                        ["kind": pool.name.kind.rawValue, "stage": pool.name.stage.rawValue, "cause": cause],
                        count
                    )
                }
            }
        )
    }

    private static func addHosts(_ facts: MetricsFacts, to text: inout PrometheusText) {
        let away = facts.health.hostsAway ?? []
        text.add(
            "media_processor_hosts_away",
            .gauge,
            "Hosts of sources, or of the store, that are away or overloaded.",
            [Sample([:], away.count)]
        )
        text.add(
            "media_processor_host_waiting_jobs",
            .gauge,
            "Jobs of this host that wait for one that is away.",
            away.map { Sample(["host": $0.host], $0.waitingJobs) }
        )
        text.add(
            "media_processor_host_away_since_timestamp_seconds",
            .gauge,
            "When a host was first found away.",
            away.compactMap { away in
                Timestamp.date(away.since).map { Sample(["host": away.host], $0.timeIntervalSince1970) }
            }
        )
    }

    private static func addJobs(_ facts: MetricsFacts, to text: inout PrometheusText) {
        text.add(
            "media_processor_stage_jobs_total",
            .counter,
            "Deliveries that a stage has settled, by how.",
            facts.pools.flatMap { pool in
                let counters = pool.counters
                return [
                    ("completed", counters.completed), ("failed", counters.failed), ("retried", counters.retried),
                    ("rejected", counters.rejected), ("duplicate", counters.duplicates),
                ].map { outcome, count in
                    Sample(
                        ["kind": pool.name.kind.rawValue, "stage": pool.name.stage.rawValue, "outcome": outcome],
                        count
                    )
                }
            }
        )
        text.add(
            "media_processor_stage_duration_seconds",
            "Time that a stage's completed work on a job took.",
            histograms: facts.pools.map { pool in
                let durations = pool.counters.durations ?? DurationHistogram()
                return (pool.name.labels, DurationHistogram.bounds, durations.counts, durations.sumSeconds)
            }
        )
        text.add(
            "media_processor_jobs_ended_total",
            .counter,
            "Jobs of which clients heard the end, by outcome.",
            facts.pools.filter { $0.name.stage == .cleanup }.flatMap { pool in
                JobOutcome.allCases.map { outcome in
                    Sample(
                        ["kind": pool.name.kind.rawValue, "outcome": outcome.rawValue],
                        pool.counters.ended?[outcome.rawValue] ?? 0
                    )
                }
            }
        )
        text.add(
            "media_processor_oldest_job_age_seconds",
            .gauge,
            "Age of the job that has been in the ledger for longest without an end; 0 when there is none.",
            facts.ages.map { [Sample([:], $0.oldestJobAge?.seconds ?? 0)] } ?? []
        )
    }

    private static func addEvents(_ events: BucketEventCounts, to text: inout PrometheusText) {
        text.add(
            "media_processor_bucket_event_messages_total",
            .counter,
            "Messages of the queue of bucket events, by what became of them.",
            [
                Sample(["outcome": "read"], Double(events.messages - min(events.refused, events.messages))),
                Sample(["outcome": "refused"], Double(events.refused)),
            ]
        )
        text.add(
            "media_processor_bucket_events_total",
            .counter,
            "Events of buckets, by what became of them: a job, or why there is none.",
            [Sample(["outcome": "job"], Double(events.jobs))]
                + events.dropped.sorted { $0.key < $1.key }.map { Sample(["outcome": $0.key], Double($0.value)) }
        )
    }

    private static func addProcesses(_ facts: MetricsFacts, to text: inout PrometheusText) {
        text.add(
            "media_processor_process_resident_memory_bytes",
            .gauge,
            "Memory of a process that is in RAM.",
            facts.processes.map { Sample(["process": $0.name], $0.residentBytes) }
        )
        text.add(
            "media_processor_process_cpu_seconds_total",
            .counter,
            "Processor time of a process; begins anew when the process is replaced.",
            facts.processes.map { Sample(["process": $0.name], $0.processorSeconds) }
        )
    }
}

extension PoolName {
    fileprivate var labels: PrometheusText.Labels { ["kind": kind.rawValue, "stage": stage.rawValue] }
}
