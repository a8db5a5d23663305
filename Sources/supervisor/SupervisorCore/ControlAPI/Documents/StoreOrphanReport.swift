internal import JobModel
internal import JobObjects
internal import Logging
internal import Settings
internal import Storage
internal import TempFiles

/// What is nobody's in the store, in the document of `supervisor orphans` and of `GET /orphans`.
struct StoreOrphanReport: Sendable, Codable, Equatable {
    /// An upload in parts that nobody completes.
    struct Upload: Sendable, Codable, Equatable {
        /// Below STORAGE_URL, or the destination.
        var key: String
        /// The place of DESTINATION_PREFIXES that it lies beneath; absent for one below STORAGE_URL.
        var destination: String?
        /// Absent where the store does not tell.
        var ageSeconds: Int64?
        var reason: StaleUploadReason
        var kind: MediaKind?
        var job: String?
        /// Whether a sweep now would abort it.
        var removable: Bool
    }

    struct Cleaned: Sendable, Codable, Equatable {
        var uploadsAborted: Int
        /// Of jobs that have ended without completing.
        var objectsRemoved: Int
        /// What kept it from being complete.
        var problem: String?
    }

    var uploads: [Upload]
    /// The number of uploads beyond those that are listed.
    var unlisted: Int?
    /// Jobs that have ended without completing, and have left objects, as `video/ID`. A hundred are listed at most.
    var leftJobs: [String]
    /// Why the store cannot be looked at.
    var problem: String?

    var isEmpty: Bool { uploads.isEmpty && leftJobs.isEmpty && problem == nil }
}

extension StoreOrphanReport {
    /// How long anybody waits for the store.
    static let patience = Duration.seconds(20)

    init(_ findings: StoreSweep.Findings) {
        uploads = findings.uploads.map { stale in
            Upload(
                key: stale.upload.key.string,
                destination: stale.place,
                ageSeconds: stale.upload.ageSeconds,
                reason: stale.reason,
                kind: stale.job?.kind,
                job: stale.job?.id.string,
                removable: stale.isRemovable
            )
        }
        leftJobs = findings.leftJobs.map(\.description)
        problem = findings.problem
    }

    /// - Returns: nil when there is nothing to tell.
    static func look(_ settings: Settings, _ tracker: TempFileTracker, _ logger: Logger) async -> Self? {
        let sweep = StoreSweep(settings, tracker, logger: logger)
        let question = Question { await sweep.look() }
        // It ends soon after; a directory that hangs is a thread's own trouble.
        defer { question.task.cancel() }
        guard let findings = await question.answer(within: patience) else {
            return Self(uploads: [], leftJobs: [], problem: silence)
        }
        let report = Self(findings)
        return report.isEmpty ? nil : report
    }

    /// Aborts and removes what ``look(_:_:_:)`` lists as removable.
    static func clean(_ settings: Settings, _ tracker: TempFileTracker, _ logger: Logger) async -> Cleaned {
        let cleaned = await StoreSweep(settings, tracker, logger: logger).clean()
        return Cleaned(
            uploadsAborted: cleaned.abortedUploads,
            objectsRemoved: cleaned.removedObjects,
            problem: cleaned.problem
        )
    }

    private static var silence: String {
        "the store has not answered for \(patience.components.seconds) s; check STORAGE_URL and the way to it"
    }

    func bounded(to limit: Int) -> Self {
        var report = self
        report.uploads = Array(uploads.prefix(limit))
        report.unlisted = uploads.count > limit ? uploads.count - limit : nil
        return report
    }
}
