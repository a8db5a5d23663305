internal import JobModel
internal import TempFiles
internal import WorkerProtocol

extension MetricsReport {
    static func addFiles(_ facts: MetricsFacts, to text: inout PrometheusText) {
        func byStage(_ name: String, _ help: String, _ value: (FileTotals) -> Int64) {
            let samples = (facts.filesByStage ?? []).map { entry in
                let stage = entry.stage?.rawValue.lowercased() ?? "unknown"
                return Sample(["kind": entry.kind.rawValue, "stage": stage], value(entry.totals))
            }
            text.add(name, .gauge, help, samples)
        }
        byStage("media_processor_temp_files", "Temp files in the ledger, by the stage that made them.") {
            Int64($0.files)
        }
        byStage("media_processor_temp_bytes", "Bytes of the temp files in the ledger, by the stage.") { $0.sizeBytes }
        text.add(
            "media_processor_oldest_temp_file_age_seconds",
            .gauge,
            "Age of the temp file that has been in the ledger for longest; 0 when there is none.",
            facts.ages.map { [Sample([:], $0.oldestFileAge?.seconds ?? 0)] } ?? []
        )
        text.add(
            "media_processor_stuck_temp_files",
            .gauge,
            "Temp files that could not be removed yet.",
            facts.ages.map { [Sample([:], $0.stuckFiles)] } ?? []
        )
        let cleaning = cleaning(facts)
        func each(_ name: String, _ help: String, _ value: (CleaningCounters) -> Double) {
            let samples = cleaning.map { Sample(["by": $0.by], value($0.counters)) }
            text.add("media_processor_" + name, .counter, help, samples)
        }
        each("temp_files_cleaned_total", "Temp files removed, by whom.") { Double($0.files) }
        each("temp_bytes_freed_total", "Bytes that removing temp files gave back.") { Double($0.bytes) }
        each("cleanup_seconds_total", "Time spent on removing temp files.") { $0.seconds }
        each("delete_failures_total", "Tries to remove a temp file that failed.") { Double($0.failures) }
        let orphans = cleaning.reduce(into: CleaningCounters()) { $0.add($1.counters) }.orphans
        text.add(
            "media_processor_orphans_total",
            .counter,
            "Orphans that sweeps have removed or ended, by reason.",
            OrphanReason.allCases.map { Sample(["reason": $0.rawValue], orphans[$0.rawValue] ?? 0) }
        )
    }

    static func addDisk(_ facts: MetricsFacts, to text: inout PrometheusText) {
        func add(_ name: String, _ help: String, _ bytes: Int64?) {
            text.add("media_processor_" + name, .gauge, help, bytes.map { [Sample([:], $0)] } ?? [])
        }
        let disk = facts.health.disk
        add("disk_free_bytes", "What can still be written where the temp files are.", disk.freeBytes)
        add("disk_size_bytes", "Size of the file system of the temp files.", disk.totalBytes)
        add("disk_reserved_bytes", "Promised to jobs, what they have written included.", disk.reservedBytes)
        add("deleted_open_bytes", "Of temp files that are deleted and still open in a process.", disk.deletedOpenBytes)
        add("temp_budget_bytes", "What all temp files may take; 0 when the disk is the limit.", facts.budgetBytes)
    }

    /// Workers of both kinds by stage, and the supervisor's own sweeps.
    private static func cleaning(_ facts: MetricsFacts) -> [(by: String, counters: CleaningCounters)] {
        let stages = [Stage.process, .upload, .cleanup].map { stage in
            let counters = facts.pools.filter { $0.name.stage == stage }
                .reduce(into: CleaningCounters()) { sum, pool in
                    if let more = pool.counters.cleaning { sum.add(more) }
                }
            return (by: stage.rawValue, counters: counters)
        }
        return stages + [(by: "sweep", counters: facts.swept)]
    }
}
