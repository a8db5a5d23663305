internal import JobModel
internal import WorkerProtocol

extension MetricsReport {
    static func addSpill(_ facts: MetricsFacts, to text: inout PrometheusText) {
        func add(_ name: String, _ type: PrometheusText.Kind, _ help: String, _ value: (MediaKind) -> Int64) {
            text.add(
                "media_processor_spill_" + name,
                type,
                help,
                MediaKind.allCases.map { Sample(["kind": $0.rawValue], value($0)) }
            )
        }
        func count(_ name: String, _ help: String, _ value: (SpillFigures.Counts) -> Int64) {
            add(name, .counter, help) { value(facts.spill.counts[$0] ?? SpillFigures.Counts()) }
        }
        let files = facts.health.tempFiles
        add("files", .gauge, "Temp files that are in the spill store.") {
            Int64(files[$0.rawValue]?.spilledFiles ?? 0)
        }
        add("bytes", .gauge, "Bytes of the temp files that are in the spill store.") {
            files[$0.rawValue]?.spilledSize ?? 0
        }
        count("puts_total", "Temp files that were moved to the spill store.") { $0.spills }
        count("put_bytes_total", "Bytes of temp files that were moved to the spill store.") { $0.spilledBytes }
        count("fetches_total", "Temp files that were fetched back.") { $0.fetches }
        count("fetched_bytes_total", "Bytes of temp files that were fetched back.") { $0.fetchedBytes }
        count("failures_total", "Puts, fetches and deletions in the spill store that failed.") { $0.failures }
        text.add(
            "media_processor_spill_leaving_objects",
            .gauge,
            "Objects in the spill store that nobody needs any more, and that are not deleted yet.",
            [Sample([:], Int64(facts.spill.leaving.files))]
        )
    }
}
