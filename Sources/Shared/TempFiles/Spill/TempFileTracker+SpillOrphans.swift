internal import JobModel
internal import Ledger
internal import Logging

/// Which objects of a spill store are nobody's.
package struct SpillSweepRules: Sendable, Hashable {
    /// `SPILL_URL`.
    package var store: String
    package var node: String
    /// How old an object in this host's own folder must be.
    package var graceTime: Duration
    /// How old one in another host's folder must be, whose ledger is not known here; nil: they are left alone.
    package var foreignAge: Duration?

    package init(store: String, node: String, graceTime: Duration, foreignAge: Duration?) {
        self.store = store
        self.node = node
        self.graceTime = graceTime
        self.foreignAge = foreignAge
    }
}

extension TempFileTracker {
    /// Lists the objects of a spill store that nobody owns, and changes nothing. Objects whose keys are none of ours
    /// are left out.
    ///
    /// - Throws: ``TempFileError``, ``SpillError`` or `CancellationError`.
    package func findOrphanedObjects(_ rules: SpillSweepRules, in store: any SpillStore) async throws -> [OrphanedFile]
    {
        try await orphanedObjects(rules, in: store).map(\.orphan)
    }

    /// Deletes what ``findOrphanedObjects(_:in:)`` lists.
    ///
    /// - Throws: as that; an object that cannot be deleted is in the report.
    package func cleanupOrphanedObjects(
        _ rules: SpillSweepRules,
        in store: any SpillStore
    ) async throws -> (report: CleanupReport, failures: [SpillFailure]) {
        let start = ContinuousClock.now
        var (report, failures): (CleanupReport, [SpillFailure]) = (CleanupReport(), [])
        for (key, orphan) in try await orphanedObjects(rules, in: store) {
            try Task.checkCancellation()
            do {
                try await store.delete(key, in: rules.store)
                report.filesCleaned += 1
                report.bytesFreed = report.bytesFreed.addingClamped(orphan.sizeBytes)
                logger.notice("an orphaned spilled object is deleted", metadata: metadata(orphan))
            } catch let error as SpillError {
                failures.append(SpillFailure(location: orphan.path, cause: error.message))
                logger.warning(
                    "an orphaned spilled object cannot be deleted",
                    metadata: metadata(orphan).with(LogKey.cause, error.message)
                )
            }
        }
        if report.filesCleaned > 0 {
            count(orphans: Array(repeating: .spilledObject, count: report.filesCleaned))
        }
        report.duration = ContinuousClock.now - start
        return (report, failures)
    }

    private func orphanedObjects(
        _ rules: SpillSweepRules,
        in store: any SpillStore
    ) async throws -> [(key: String, orphan: OrphanedFile)] {
        let own = SpillKey.folder(node: rules.node, installation: try await ledger.read { try $0.installation() })
        // First the store, then the ledger: an object has its row before it is put, so one that has none by then has
        // lost it.
        let listed = try await store.list(rules.foreignAge == nil ? own : "", in: rules.store)
        let nowSeconds = nowMilliseconds / 1000
        var found: [(key: String, orphan: OrphanedFile)] = []
        for entry in listed {
            guard let key = SpillKey(entry.key) else { continue }
            let isOwn = ByteText(key.folder) == ByteText(own)
            let age = Duration.seconds(max(nowSeconds.subtractingReportingOverflow(key.madeAtSeconds).partialValue, 0))
            guard let needed = isOwn ? rules.graceTime : rules.foreignAge, age >= needed else { continue }
            found.append(
                (
                    entry.key,
                    OrphanedFile(
                        path: SpilledObject.location(store: rules.store, key: entry.key),
                        sizeBytes: entry.sizeBytes,
                        age: age,
                        kind: key.kind,
                        job: nil,
                        reason: .spilledObject,
                        detail: isOwn ? nil : "of another host",
                        isRemovable: true
                    )
                )
            )
        }
        let keys = found.map(\.key)
        let known = try await ledger.read { try $0.knownObjects(keys) }
        return found.filter { !known.contains(ByteText($0.key)) }
    }
}
