internal import JobModel
internal import TempFiles
internal import Text

/// The findings and the work of a sweep: the JSON document of `supervisor orphans` and of `GET /orphans`.
struct OrphanReport: Sendable, Codable, Equatable {
    struct Orphan: Sendable, Codable, Equatable {
        var path: String
        var sizeBytes: Int64
        var ageSeconds: Int64
        var kind: MediaKind?
        var job: String?
        var reason: OrphanReason
        /// The nature of the entry, where that is the reason.
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
        /// Absent where there was nothing to do.
        var store: StoreOrphanReport.Cleaned?

        /// Why spilled objects were left that nobody owns.
        var spillProblem: String?

        var isComplete: Bool {
            failures.isEmpty && !leavesAbandonedJobs && spillProblem == nil && store?.problem == nil
        }
    }

    var workspace: String
    var orphans: [Orphan]
    var totalBytes: Int64
    /// The number of orphans beyond those that are listed.
    var unlisted: Int?
    /// Absent when nothing in the store is nobody's.
    var store: StoreOrphanReport?
    /// Why it is not known which spilled objects nobody owns.
    var spillProblem: String?
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
        report.store = store?.bounded(to: Self.maximumListed)
        return report
    }
}

extension OrphanReport {
    /// Adds the spilled objects that nobody owns.
    mutating func add(_ findings: SpillOrphans.Findings) {
        let more = OrphanReport(workspace: workspace, orphans: findings.orphans)
        orphans += more.orphans
        totalBytes = totalBytes.addingClamped(more.totalBytes)
        spillProblem = findings.problem
    }
}

extension OrphanReport.Cleaned {
    init(_ report: CleanupReport, leavesAbandonedJobs: Bool, spillProblem: String? = nil) {
        self.spillProblem = spillProblem
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
