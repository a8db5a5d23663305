import Foundation
import JobModel
import Queues
import TempFiles
import TestSupport
import Testing
import WorkerProtocol

@testable import SupervisorCore

struct MetricsReportTests {
    private let scratch = Scratch()

    private static func facts() -> MetricsFacts {
        var swept = CleaningCounters()
        swept.files = 3
        swept.orphans = ["unknownFile": 2]
        var facts = HealthReportTests.facts()
        facts.hostsAway = [HostAbsence(host: "[::1]:80", since: 1_800_000_000, cause: "no connection to it", jobs: 2)]
        return MetricsFacts(
            health: HealthReport(facts),
            pools: HealthReportTests.facts().pools,
            swept: swept,
            filesByStage: [
                StageFileTotals(kind: .video, stage: .processing, totals: FileTotals(files: 2, sizeBytes: 7)),
                StageFileTotals(kind: .image, stage: nil, totals: FileTotals(files: 1, sizeBytes: 1)),
            ],
            ages: LedgerAges(oldestJobAge: .seconds(5), oldestFileAge: .milliseconds(1500), stuckFiles: 1),
            depths: [(.video, "download", 4), (.image, "dead", 0)],
            budgetBytes: 0,
            processes: [MetricsFacts.Process(name: "supervisor", residentBytes: 1 << 40, processorSeconds: 0.25)]
        )
    }

    @Test("What is said is what Prometheus reads, and its linter has nothing to say")
    func linted() async throws {
        let file = try scratch.file("metrics", Array(MetricsReport.text(Self.facts()).utf8))
        let output = try await ChildProcess.run("sh", ["-c", "promtool check metrics < \(file)"])
        #expect(output == "")
    }

    @Test("A linter that cannot fail would be worth nothing: a wrong text is refused")
    func plantedFault() async throws {
        let file = try scratch.file("metrics", Array((MetricsReport.text(Self.facts()) + "oh dear\n").utf8))
        await #expect(throws: ChildProcess.Failure.self) {
            try await ChildProcess.run("sh", ["-c", "promtool check metrics < \(file)"])
        }
    }

    @Test(
        "Each fact has its line",
        arguments: [
            #"media_processor_health_status{status="degraded"} 1"#, "media_processor_hosts_away 1",
            #"media_processor_host_waiting_jobs{host="[::1]:80"} 2"#,
            #"media_processor_host_away_since_timestamp_seconds{host="[::1]:80"} 1800000000"#,
            #"media_processor_queue_messages{kind="video",queue="download"} 4"#,
            #"media_processor_temp_files{kind="video",stage="processing"} 2"#,
            #"media_processor_temp_bytes{kind="image",stage="unknown"} 1"#,
            #"media_processor_temp_files_cleaned_total{by="sweep"} 3"#,
            #"media_processor_orphans_total{reason="unknownFile"} 2"#, "media_processor_stuck_temp_files 1",
            "media_processor_oldest_temp_file_age_seconds 1.5", "media_processor_oldest_job_age_seconds 5",
            #"media_processor_workers_ready{kind="image",stage="upload"} 2"#,
            #"media_processor_worker_deaths_total{kind="image",stage="upload",cause="SIGKILL"} 0"#,
            #"media_processor_process_resident_memory_bytes{process="supervisor"} 1099511627776"#,
            #"media_processor_stage_jobs_total{kind="video",stage="download",outcome="failed"} 0"#,
        ]
    )
    func line(_ line: String) {
        #expect(MetricsReport.text(Self.facts()).split(separator: "\n").contains(line[...]))
    }

    @Test("What is not known is left out, and never told as zero")
    func unknown() {
        var facts = Self.facts()
        facts.filesByStage = nil
        facts.depths = nil
        facts.ages = nil
        let text = MetricsReport.text(facts)
        #expect(!text.contains("queue_messages") && !text.contains("temp_bytes{") && !text.contains("oldest"))
    }

    @Test("Histograms are cumulative and end with everything")
    func histogram() {
        var text = PrometheusText()
        text.add("h_seconds", "H.", histograms: [(["a": "b"], [0.1, 2], [1, 2, 3], 9.5)])
        #expect(
            text.text == """
                # HELP h_seconds H.
                # TYPE h_seconds histogram
                h_seconds_bucket{a="b",le="0.1"} 1
                h_seconds_bucket{a="b",le="2"} 3
                h_seconds_bucket{a="b",le="+Inf"} 6
                h_seconds_sum{a="b"} 9.5
                h_seconds_count{a="b"} 6

                """
        )
    }

    @Test("Text in labels and help cannot break out of its line")
    func escaping() {
        var text = PrometheusText()
        text.add("m", .gauge, "a\nb\\", [.init(["l": "x\"y\\z\n"], 1)])
        #expect(text.text == "# HELP m a\\nb\\\\\n# TYPE m gauge\nm{l=\"x\\\"y\\\\z\\n\"} 1\n")
    }

    @Test("Counters go on when a worker is replaced, and do not go back")
    func accumulation() {
        var pool = Pool(name: PoolName(stage: .cleanup, kind: .video), wanted: 2)
        _ = pool.begin()
        func report(_ slot: Int, _ completed: Int) {
            var report = WorkerReport(state: .ready)
            for _ in 0..<completed { report.counters.complete(after: .seconds(1)) }
            report.counters.end(.completed)
            report.counters.cleaning = CleaningCounters()
            report.counters.cleaning?.files = Int64(completed)
            _ = pool.reported(slot: slot, report, at: .now)
        }
        for slot in 1...2 { _ = pool.started(slot: slot, processID: 1, at: .now) }
        report(1, 5)
        report(2, 7)
        var seen = PoolSnapshot(pool, at: .now).counters
        #expect(seen.completed == 12 && seen.durations?.count == 12 && seen.ended == ["completed": 2])
        _ = pool.ended(slot: 1, cause: "killed", at: .now, jitter: 0)
        #expect(PoolSnapshot(pool, at: .now).counters == seen)
        report(2, 8)
        seen = PoolSnapshot(pool, at: .now).counters
        #expect(seen.completed == 13 && seen.cleaning?.files == 13 && seen.durations?.sumSeconds == 13)
        _ = pool.scale(to: 0)
        _ = pool.ended(slot: 2, cause: "told", at: .now, jitter: 0)
        #expect(PoolSnapshot(pool, at: .now).counters == seen)
    }

    @Test("Counts near the end of their type stay there, and those of other bounds are left out")
    func hostileCounts() throws {
        var counters = WorkerReport.Counters()
        counters.completed = .max
        counters.complete(after: .seconds(-1))
        #expect(counters.completed == .max)
        let other = try JSONDecoder().decode(
            DurationHistogram.self,
            from: Data(#"{"counts":[1,2],"sumSeconds":3}"#.utf8)
        )
        counters.durations?.add(other)
        #expect(counters.durations?.count == 1)
    }
}
