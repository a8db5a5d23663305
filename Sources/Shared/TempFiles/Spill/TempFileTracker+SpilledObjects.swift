internal import CrashPoints
package import JobModel
internal import Ledger
internal import Logging

/// Objects of the spill store that nobody needs any more.
extension TempFileTracker {
    /// Between two tries to delete an object: 5 s, then twice as long each time, at most an hour.
    static func spillPause(afterFailures failures: Int64) -> Duration {
        .seconds(min(5 << min(max(failures - 1, 0), 10), 3600))
    }

    private static let longestPause = Duration.seconds(3600)
    private static let objectsAtOnce = 100

    /// Deletes the objects of a job whose files are gone. Called under the job's lease.
    ///
    /// - Parameter onActivity: called for each.
    /// - Returns: why some could not be deleted; they stay in the ledger, and are tried again.
    package func deleteSpilledObjects(
        of job: JobKey,
        in store: any SpillStore,
        onActivity: @Sendable () -> Void = {}
    ) async throws(TempFileError) -> [SpillFailure] {
        let objects = try await ledger.read { try $0.leavingObjects(of: job) }
        var failures: [SpillFailure] = []
        for object in objects where !Task.isCancelled {
            if let failure = try await delete(object, in: store) { failures.append(failure) }
            onActivity()
        }
        if Task.isCancelled {
            throw TempFileError(code: .cancelled, message: "deleting spilled objects was cancelled", isRetriable: true)
        }
        return failures
    }

    /// Deletes objects of any job that are due, until the store is found to be away.
    ///
    /// - Returns: how many are gone now, and why others are not.
    package func deleteLeavingObjects(
        in store: any SpillStore
    ) async throws(TempFileError) -> (deleted: Int, failures: [SpillFailure]) {
        var (deleted, failures): (Int, [SpillFailure]) = (0, [])
        while !Task.isCancelled, !failures.contains(where: \.isStoreAway) {
            let now = nowMilliseconds
            let objects = try await ledger.read { books in
                try books.leavingObjects(
                    dueAt: now,
                    longestPause: Int64(Self.longestPause / .milliseconds(1)),
                    limit: Self.objectsAtOnce
                )
            }
            if objects.isEmpty { break }
            for object in objects where !Task.isCancelled && !failures.contains(where: \.isStoreAway) {
                if let failure = try await delete(object, in: store) { failures.append(failure) } else { deleted += 1 }
            }
        }
        return (deleted, failures)
    }

    private func delete(
        _ object: SpilledObject,
        in store: any SpillStore
    ) async throws(TempFileError) -> SpillFailure? {
        do {
            try await store.delete(object.key, in: object.store)
        } catch let error {
            if error is CancellationError { return nil }
            let retryAt = nowMilliseconds.addingClamped(
                Int64(Self.spillPause(afterFailures: object.attempts + 1) / .milliseconds(1))
            )
            try await ledger.write(outliving: .death, for: .cleaning) { books in
                try books.noteUndeleted(object, cause: "\(error)", retryAt: retryAt)
            }
            logger.log(
                level: object.attempts == 0 ? .warning : .debug,
                "a spilled object cannot be deleted; it is tried again",
                metadata: Logger.Metadata(job: object.job).with("object.location", object.location)
                    .with(LogKey.cause, "\(error)")
            )
            let isAway = (error as? SpillError)?.verdict == .away
            return SpillFailure(location: object.location, cause: "\(error)", isStoreAway: isAway)
        }
        CrashPoint.spilledObjectDeleted.cross()
        try await ledger.write(outliving: .death, for: .cleaning) { try $0.forgetObject(object.number) }
        CrashPoint.spilledObjectForgotten.cross()
        log("spilled object deleted", Logger.Metadata(job: object.job).with("object.location", object.location))
        return nil
    }

    /// Whether the ledger has any object of a spill store.
    package func hasSpilledObjects() async throws(TempFileError) -> Bool {
        try await ledger.read { try $0.hasSpilledObjects() }
    }

    package func spillFigures() async throws(TempFileError) -> SpillFigures {
        try await ledger.read { try $0.spillFigures() }
    }

    /// Whether the disk is short of room: jobs wait for some, or more of the budget is promised than `percent`.
    package func isShortOfRoom(
        _ budget: DiskBudget,
        abovePercent percent: Double
    ) async throws(TempFileError) -> (isAbove: Bool, isWaitedFor: Bool) {
        let (reserved, isWaitedFor) = try await ledger.read { books in
            (
                try books.reservedBytes(),
                try MediaKind.allCases.contains { try books.isAnyWaitingForSpace($0) }
            )
        }
        guard let maximum = budget.maximumBytes else { return (false, isWaitedFor) }
        return (Double(reserved) > Double(maximum) * percent / 100, isWaitedFor)
    }
}

/// An object that could not be deleted.
package struct SpillFailure: Sendable, Hashable {
    package var location: String
    package var cause: String
    var isStoreAway = false
}
