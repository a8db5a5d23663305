package import JobModel
package import Logging
package import Settings
package import Storage
package import TempFiles

/// One look at the store for what is nobody's: open uploads, and objects of jobs that have ended without completing.
package struct StoreSweep: Sendable {
    private let settings: Settings
    private let tracker: TempFileTracker
    private let logger: Logger
    private let removal: ObjectRemoval
    private let hasUploads: Bool

    package struct StaleUpload: Sendable, Hashable {
        package var upload: OpenUpload
        package var reason: StaleUploadReason
        /// The job of this host that it is of, where it is known.
        package var job: JobKey?
        /// Whether a sweep now would abort it. Else it is only reported.
        package var isRemovable: Bool
        /// The place that it lies beneath, where that is one of destinations; nil for the store.
        package var place: String?
    }

    package struct Findings: Sendable {
        /// The oldest first.
        package var uploads: [StaleUpload] = []
        /// Jobs that have ended and of which objects are left, up to a hundred.
        package var leftJobs: [JobKey] = []
        /// Why the store cannot be looked at.
        package var problem: String?

        package var isEmpty: Bool { uploads.isEmpty && leftJobs.isEmpty && problem == nil }
    }

    package struct Cleaned: Sendable, Hashable {
        package var abortedUploads = 0
        package var removedObjects = 0
        /// What kept it from being complete.
        package var problem: String?
    }

    /// - Parameter store: nil for that of the settings. It is opened when there is something to look for: a directory
    ///   would be made.
    package init(
        _ settings: Settings,
        _ tracker: TempFileTracker,
        logger: Logger,
        store: (@Sendable () throws(StorageError) -> any Store)? = nil
    ) {
        self.settings = settings
        self.tracker = tracker
        self.logger = logger
        removal = ObjectRemoval(settings, tracker, logger: logger, store: store)
        hasUploads = store != nil || Stores.hasUploads(settings.storage.storageURL)
    }

    /// Lists what ``clean()`` would remove or only reports, and changes nothing.
    package func look() async -> Findings {
        var findings = Findings()
        do {
            findings.leftJobs = try await tracker.jobsWithLeftObjects()
            for (store, place) in try places() {
                do {
                    findings.uploads += try await staleUploads(in: store, place)
                } catch let error as StorageError {
                    findings.problem = findings.problem ?? error.message
                }
            }
        } catch {
            findings.problem = "\(error)"
        }
        return findings
    }

    /// Aborts the uploads that ``look()`` lists as removable, and removes objects that jobs have left. The first
    /// trouble of the store ends it.
    package func clean() async -> Cleaned {
        var cleaned = Cleaned()
        do {
            for (store, place) in try places() {
                do {
                    try await abortStaleUploads(in: store, place, &cleaned)
                } catch let error as StorageError {
                    cleaned.problem = cleaned.problem ?? error.message
                }
            }
            if try await !tracker.jobsWithLeftObjects(limit: 1).isEmpty {
                cleaned.removedObjects = try await removal.removeLeft().removed
            }
        } catch {
            cleaned.problem = cleaned.problem ?? "\(error)"
        }
        return cleaned
    }

    /// Where uploads may be open: the store, and the buckets of destinations with their names.
    private func places() throws(StorageError) -> [(store: any Store, place: String?)] {
        // A directory would be made.
        guard hasUploads else { return [] }
        let stores = try removal.open()
        return [(stores.standard, nil)] + stores.destinationRoots.map { ($0, $0.description) }
    }

    private func abortStaleUploads(in store: any Store, _ place: String?, _ cleaned: inout Cleaned) async throws {
        for stale in try await staleUploads(in: store, place) where stale.isRemovable {
            try Task.checkCancellation()
            try await store.abort(stale.upload)
            cleaned.abortedUploads += 1
            var metadata: Logger.Metadata = [
                "object.key": "\(stale.upload.key.string.clipped(toBytes: 300).shown)",
                "upload.age.seconds": "\(stale.upload.ageSeconds ?? 0)", LogKey.reason: "\(stale.reason.rawValue)",
            ]
            if let place { metadata["upload.destination"] = "\(place)" }
            if let job = stale.job {
                metadata[LogKey.jobID] = "\(job.id)"
                metadata[LogKey.jobKind] = "\(job.kind.rawValue)"
            }
            logger.notice("cleanup: an upload that nobody goes on with is aborted", metadata: metadata)
        }
    }

    private func staleUploads(in store: any Store, _ place: String?) async throws -> [StaleUpload] {
        // The store before the ledger: an upload is in the ledger before it is begun.
        let uploads = try await store.openUploads()
        if uploads.isEmpty { return [] }
        let owners = try await owners(in: store)
        let policy = StaleUploadPolicy(
            graceSeconds: Int64(min(max(settings.orphanGraceMinutes * 60, 0), 1e12)),
            maximumAgeSeconds: Int64(min(max(settings.jobMaximumAgeHours * 3600, 0), 1e12))
        )
        return uploads.compactMap { upload in
            let owner = owners.owner(of: upload)
            guard let verdict = policy.verdict(ageSeconds: upload.ageSeconds, owner) else { return nil }
            return StaleUpload(
                upload: upload,
                reason: verdict.reason,
                job: verdict.job,
                isRemovable: verdict.isRemovable,
                place: place
            )
        }
        .sorted { ($1.upload.ageSeconds ?? 0, $0.upload.key) < ($0.upload.ageSeconds ?? 0, $1.upload.key) }
    }

    /// What the ledger tells of uploads, by keys below the store.
    private struct Owners {
        /// Of the objects that jobs under way put.
        var busyKeys: Set<ByteText> = []
        /// The uploads that jobs have begun, by key and the store's name.
        var begun: [Begun: StaleUploadPolicy.Owner] = [:]

        struct Begun: Hashable {
            var key: ByteText
            var id: ByteText
        }

        func owner(of upload: OpenUpload) -> StaleUploadPolicy.Owner {
            begun[Begun(key: upload.key, id: ByteText(upload.id))]
                ?? (busyKeys.contains(upload.key) ? .underWay : .unknown)
        }
    }

    /// The jobs' own stores are this one, or destinations beneath it.
    private func owners(in store: any Store) async throws -> Owners {
        var owners = Owners()
        for name in try await tracker.objectStores() {
            guard let start = store.start(ofStoreNamed: name) else { continue }
            for (rest, _, endedAgo) in try await tracker.objectOwners(in: name) where endedAgo == nil {
                if let key = ByteText(utf8: start + rest.utf8) { owners.busyKeys.insert(key) }
            }
            for (upload, job, endedAgo) in try await tracker.uploadOwners(in: name) {
                guard let key = ByteText(utf8: start + upload.key.utf8) else { continue }
                owners.begun[Owners.Begun(key: key, id: upload.id)] =
                    endedAgo.map { .ended(job, secondsAgo: $0.components.seconds) } ?? .underWay
            }
        }
        return owners
    }
}
