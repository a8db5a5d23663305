internal import JobModel
internal import TempFiles

/// What `supervisor orphans` found and did, as its JSON document.
struct OrphanReport: Sendable, Codable, Equatable {
    struct Orphan: Sendable, Codable, Equatable {
        var path: String
        var sizeBytes: Int64
        var ageSeconds: Int64
        var kind: MediaKind?
        var job: String?
        var reason: OrphanReason
        /// What it is, where that is the reason.
        var detail: String?
        /// Whether a sweep now would remove it, or have it removed.
        var removable: Bool
    }

    struct Cleaned: Sendable, Codable, Equatable {
        struct Failure: Sendable, Codable, Equatable {
            var path: String
            var errno: Int32
            var cause: String
        }

        var filesCleaned: Int
        var bytesFreed: Int64
        var durationMilliseconds: Int64
        /// Given to the clean-up stage.
        var abandonedJobs: Int
        var failures: [Failure]
        /// There are abandoned jobs, and no broker through which to end them.
        var leavesAbandonedJobs: Bool

        var isComplete: Bool { failures.isEmpty && !leavesAbandonedJobs }
    }

    var workspace: String
    var orphans: [Orphan]
    var totalBytes: Int64
    /// How many more there are than are listed.
    var unlisted: Int?
    var cleaned: Cleaned?

    init(workspace: String, orphans: [OrphanedFile]) {
        self.workspace = workspace
        self.orphans = orphans.map { orphan in
            Orphan(
                path: orphan.path,
                sizeBytes: orphan.sizeBytes,
                ageSeconds: orphan.age.components.seconds,
                kind: orphan.kind,
                job: orphan.job?.id.string,
                reason: orphan.reason,
                detail: orphan.detail,
                removable: orphan.isRemovable
            )
        }
        totalBytes = orphans.reduce(0) { sum, orphan in
            let (total, overflow) = sum.addingReportingOverflow(orphan.sizeBytes)
            return overflow ? .max : total
        }
    }
}

extension OrphanReport {
    /// As many as fit an answer that a page can show.
    static let maximumListed = 1000

    func bounded() -> OrphanReport {
        var report = self
        report.orphans = Array(orphans.prefix(Self.maximumListed))
        report.unlisted = orphans.count > Self.maximumListed ? orphans.count - Self.maximumListed : nil
        return report
    }
}

extension OrphanReport.Cleaned {
    init(_ report: CleanupReport, leavesAbandonedJobs: Bool) {
        filesCleaned = report.filesCleaned
        bytesFreed = report.bytesFreed
        durationMilliseconds = Int64(report.duration / .milliseconds(1))
        abandonedJobs = report.abandonedJobs
        failures = report.failures.map { failure in
            Failure(path: failure.path, errno: failure.errno, cause: systemMessage(failure.errno))
        }
        self.leavesAbandonedJobs = leavesAbandonedJobs
    }
}

/// The report for people.
enum OrphanText {
    static func lines(_ report: OrphanReport) -> [String] {
        guard !report.orphans.isEmpty else { return ["no orphans in \(plain(report.workspace))"] }
        var table = TextTable(columns: [("REASON", .left), ("SIZE", .right), ("AGE", .right), ("PATH", .left)])
        for orphan in report.orphans {
            table.rows.append([
                reason(orphan), ByteCount.text(orphan.sizeBytes), StatusText.uptime(Double(orphan.ageSeconds)),
                plain(orphan.path),
            ])
        }
        var lines = table.lines + [""]
        guard let cleaned = report.cleaned else {
            let count = report.orphans.count == 1 ? "1 orphan" : "\(report.orphans.count) orphans"
            return lines + ["\(count), \(ByteCount.text(report.totalBytes)); nothing was removed (--clean removes)"]
        }
        lines.append(
            "\(cleaned.filesCleaned) files removed, \(ByteCount.text(cleaned.bytesFreed)) freed in "
                + "\(cleaned.durationMilliseconds) ms"
        )
        if cleaned.abandonedJobs > 0 {
            lines.append("\(cleaned.abandonedJobs) abandoned jobs were given to the clean-up stage, which ends them")
        }
        if cleaned.leavesAbandonedJobs {
            lines.append("abandoned jobs were left: no media processor runs here, and RABBITMQ_URL is not set")
        }
        return lines + cleaned.failures.map { "left: \(plain($0.path)): \($0.cause)" }
    }

    private static func reason(_ orphan: OrphanReport.Orphan) -> String {
        let words =
            switch orphan.reason {
            case .unknownFile: "unknown file"
            case .finishedJob: "job is finished"
            case .unknownJobDirectory: "unknown job"
            case .missingFile: "row without a file"
            case .abandonedJob: "abandoned job"
            case .overdueCleanup: "clean-up is overdue"
            case .foreignEntry: orphan.detail ?? "foreign entry"
            }
        return orphan.removable ? words : words + " (only reported)"
    }

    /// Names may hold what a terminal takes for commands.
    static func plain(_ text: String) -> String { text.shown }
}
