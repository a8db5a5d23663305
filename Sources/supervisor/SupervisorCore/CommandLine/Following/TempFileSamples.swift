/// The temp files of all kinds at one moment.
struct TempFileSample: Sendable, Codable, Equatable {
    var jobs = 0
    var files = 0
    var bytes: Int64 = 0

    init() {}

    init(_ health: HealthReport) {
        for kind in health.tempFiles.values {
            jobs += kind.totalJobs
            files += kind.totalFiles
            let (sum, overflow) = bytes.addingReportingOverflow(kind.totalSize)
            bytes = overflow ? .max : sum
        }
    }
}

/// The temp files before, during and after jobs.
struct TempFileSamples: Sendable, Codable, Equatable {
    var before: TempFileSample
    /// The largest numbers that were seen, not necessarily at the same moment.
    var peak: TempFileSample
    var after: TempFileSample

    init(before: TempFileSample) {
        self.before = before
        peak = before
        after = before
    }

    mutating func add(_ sample: TempFileSample) {
        peak.jobs = max(peak.jobs, sample.jobs)
        peak.files = max(peak.files, sample.files)
        peak.bytes = max(peak.bytes, sample.bytes)
        after = sample
    }

    var table: TextTable {
        TextTable(
            columns: [("TEMP FILES", .left), ("JOBS", .right), ("FILES", .right), ("SIZE", .right)],
            rows: [("before", before), ("peak", peak), ("after", after)].map { name, sample in
                [name, "\(sample.jobs)", "\(sample.files)", ByteCount.text(sample.bytes)]
            }
        )
    }
}
