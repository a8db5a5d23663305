internal import CrashPoints
package import JobModel
package import Logging
package import Settings
package import Storage
package import TempFiles

/// Removes what a job that did not complete has put into the store.
///
/// It acts on what the ledger says that the job has put, and on outputs that another host has put if their keys are
/// this job's. Objects that a complete result of the same medium lists stay, and so do those that somebody else has put
/// since. See docs/decisions/0029-results-and-removal.md.
///
/// The index goes first, so that nobody finds one whose outputs are going. Done again, it does what is left.
package struct ObjectRemoval: Sendable {
    private let settings: Settings
    private let tracker: TempFileTracker
    private let logger: Logger
    let open: @Sendable () throws(StorageError) -> Stores

    /// Objects that are removed at a time, where that takes less time.
    private static let width = 4

    package struct Report: Sendable, Hashable {
        package var removed = 0
        /// Not the job's, or part of a complete result.
        package var kept = 0
        package var abortedUploads = 0
        /// In a store that is no longer the one of the settings.
        package var elsewhere = 0
    }

    /// - Parameter store: opens the store, when there is something to remove; nil for that of the settings, and jobs'
    ///   destinations.
    package init(
        _ settings: Settings,
        _ tracker: TempFileTracker,
        logger: Logger,
        store: (@Sendable () throws(StorageError) -> any Store)? = nil
    ) {
        self.settings = settings
        self.tracker = tracker
        self.logger = logger
        let storage = settings.storage
        if let store {
            open = { () throws(StorageError) in Stores(standard: try store()) }
        } else {
            open = { () throws(StorageError) in try Stores(storage) }
        }
    }

    /// Removes the objects of a job. The caller has the job's lease.
    ///
    /// - Parameters:
    ///   - ticket: of the job. Its outputs are anybody's word: they are looked at as the type says.
    ///   - onActivity: called for each object.
    /// - Throws: ``StorageError`` when the store cannot be asked, `TempFileError`, `CancellationError`. What is
    ///   left then stays in the ledger.
    package func run(_ ticket: Ticket, onActivity: @escaping @Sendable () -> Void = {}) async throws -> Report {
        let job = ticket.key
        // Nobody can remove what was put to a signed URL.
        let sent = Set(ticket.uploadURLsByOutput.keys.map { ticket.outputs[$0].key })
        let told = ticket.publishedOutputs(under: settings.outputKeys).filter { !sent.contains($0.key) }
        let known = try await tracker.objects(job)
        if told.isEmpty, known.isEmpty { return Report() }
        let store = try open().store(of: ticket)
        let name = ByteText(store.description)
        if !told.isEmpty { try await adopt(told, of: job, in: name) }
        var report = Report()
        let all = told.isEmpty ? known : try await tracker.objects(job)
        let uploads = try await tracker.uploads(job)
        report.elsewhere = all.count { $0.store != name }
        let objects = all.filter { $0.store == name }
        let indexKey = try? settings.outputKeys.resultKeyTemplate?.key(ticket: ticket)
        let found = try await results(indexKey, objects, job, store)
        // The index first.
        let (indexes, outputs) = objects.partitioned { $0.name == JobObject.indexName || found.own.contains($0.key) }
        for part in [indexes, outputs] {
            try await remove(part, found, uploads, of: job, from: store, &report, onActivity)
        }
        if report != Report() {
            logger.notice(
                "cleanup: the objects of a job that did not complete are removed",
                metadata: [
                    LogKey.jobID: "\(job.id)", LogKey.jobKind: "\(job.kind.rawValue)",
                    "object.removed": "\(report.removed)", "object.kept": "\(report.kept)",
                    "object.elsewhere": "\(report.elsewhere)", "upload.aborted": "\(report.abortedUploads)",
                ]
            )
        }
        return report
    }

    /// Takes outputs that another host has put into the ledger, so that they are not forgotten while the store is away.
    private func adopt(_ outputs: [JobOutput], of job: JobKey, in store: ByteText) async throws(TempFileError) {
        let objects = outputs.map { JobObject(key: $0.key, store: store, state: .told) }
        do throws(TempFileError) { try await tracker.planObjects(objects, job: job) } catch
            where error.code == .jobFinished
        {}
    }

    /// The result indexes that are where the job's would be.
    private struct Results {
        /// The keys of the job's own.
        var own: Set<ByteText> = []
        /// The keys that those of other jobs list, and their own.
        var kept: Set<ByteText> = []
    }

    /// - Parameter key: of the index by the settings of now. The job may have planned it under another.
    private func results(
        _ key: ObjectKey?,
        _ objects: [JobObject],
        _ job: JobKey,
        _ store: any Store
    ) async throws -> Results {
        var results = Results()
        let planned = objects.filter { $0.name == JobObject.indexName }.compactMap { try? ObjectKey($0.key.string) }
        for key in Set(planned + [key].compactMap(\.self)) {
            let limit = Int64(ResultIndex.Listing.maximumBytes)
            guard let bytes = try await store.content(key, atMost: limit) else { continue }
            let listing: ResultIndex.Listing
            do throws(MessageError) { listing = try ResultIndex.Listing(parsing: bytes) } catch {
                throw StorageError(
                    code: .notAllowed,
                    message:
                        "nothing is removed from \(store.description): \(error.message) (`\(key)`), so it is not known "
                        + "which objects belong to a complete result; delete it, or put it right"
                )
            }
            let text = ByteText(key.rawValue)
            if listing.job == job {
                results.own.insert(text)
            } else {
                results.kept.formUnion(listing.keys.union([text]))
            }
        }
        return results
    }

    private func remove(
        _ objects: [JobObject],
        _ results: Results,
        _ uploads: [JobUpload],
        of job: JobKey,
        from store: any Store,
        _ report: inout Report,
        _ onActivity: @escaping @Sendable () -> Void
    ) async throws {
        // In an order that is the same each time.
        var rest = objects.sorted { $0.key < $1.key }.makeIterator()
        report = try await withThrowingTaskGroup(of: Report.self) { [report] group in
            var report = report
            func startNext() {
                guard let object = rest.next() else { return }
                group.addTask {
                    defer { onActivity() }
                    return try await remove(object, results, uploads, of: job, from: store)
                }
            }
            for _ in 0..<(store.gainsByParallelPuts ? Self.width : 1) { startNext() }
            while let part = try await group.next() {
                report.add(part)
                startNext()
            }
            return report
        }
    }

    private func remove(
        _ object: JobObject,
        _ results: Results,
        _ uploads: [JobUpload],
        of job: JobKey,
        from store: any Store
    ) async throws -> Report {
        var report = Report()
        if var own = object.own(of: job, tracker) {
            if results.own.contains(object.key) { own.evidence = .content }
            report.abortedUploads = try await abort(uploads, of: object, job, in: store)
            if object.state == .planned { CrashPoint.uploadsAborted.cross() }
            let answer: ObjectRemovalAnswer =
                if results.kept.contains(object.key) { .kept } else { try await store.remove(own) }
            switch answer {
            case .removed: report.removed = 1
            case .kept where object.state != .planned: report.kept = 1
            case .kept, .absent: break
            }
            CrashPoint.objectRemoved.cross()
        }
        try await tracker.forgetObject(object, job: job)
        CrashPoint.objectForgotten.cross()
        return report
    }

    /// Aborts the uploads of an object that the job has begun. Another job may upload under the same key now.
    private func abort(
        _ uploads: [JobUpload],
        of object: JobObject,
        _ job: JobKey,
        in store: any Store
    ) async throws -> Int {
        let own = uploads.filter { $0.store == object.store && $0.key == object.key }
        for upload in own {
            try await store.abort(OpenUpload(key: upload.key, id: upload.id.string, ageSeconds: nil))
            try await tracker.forgetUpload(upload, job: job)
        }
        return own.count
    }

}

extension ObjectRemoval {
    /// Removes what was left of jobs that have ended, as while the store was away: of all of them, so that those for
    /// which nothing can be done hold up no other. After trouble with the store or a destination, no further job with
    /// the same one is tried; those with another one are. All of it is tried again at the next call.
    ///
    /// - Throws: the first trouble, as ``run(_:onActivity:)``, when all is done that could be.
    package func removeLeft() async throws -> Report {
        var (report, first) = (Report(), StorageError?.none)
        var troubled: Set<ByteText?> = []
        var last: Int64 = 0
        while true {
            let page = try await tracker.jobsWithLeftObjects(after: last)
            guard let end = page.last else { break }
            last = end.number
            for (_, job) in page {
                try Task.checkCancellation()
                guard let (hold, record) = try await tracker.tryLease(ofFinished: job) else { continue }
                defer { hold.releaseRemovingEmptyDirectory() }
                let ticket = record.lastTicket
                let place = ticket.destination.map { ByteText($0) }
                if troubled.contains(place) { continue }
                do {
                    report.add(try await run(ticket))
                } catch let error as StorageError {
                    first = first ?? error
                    // An index that nobody can read is trouble of its own medium, and not of the place.
                    if ![.notAllowed, .tooLarge].contains(error.code) { troubled.insert(place) }
                }
            }
        }
        if let first { throw first }
        return report
    }
}

extension ObjectRemoval.Report {
    mutating func add(_ other: Self) {
        removed += other.removed
        kept += other.kept
        abortedUploads += other.abortedUploads
        elsewhere += other.elsewhere
    }
}

extension JobRecord {
    /// The ticket as it was recorded at the end, without outputs.
    fileprivate var lastTicket: Ticket {
        var ticket =
            record.flatMap { try? Ticket(parsing: $0, expecting: kind) } ?? Ticket(id: id, mediaID: mediaID, kind: kind)
        ticket.outputs = []
        return ticket
    }
}

extension Array {
    /// Those that meet a condition, and the others.
    fileprivate func partitioned(_ isFirst: (Element) -> Bool) -> (first: [Element], others: [Element]) {
        (filter(isFirst), filter { !isFirst($0) })
    }
}
