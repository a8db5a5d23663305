package import JobModel
internal import Ledger

/// The objects that jobs put into stores, in the ledger beside the files that they are made of.
extension TempFileTracker {
    /// Notes objects before they are put.
    ///
    /// - Returns: the job's files that were published before, as ``published(_:)``.
    /// - Throws: ``TempFileError`` with code `jobFinished`.
    @discardableResult
    package func planObjects(
        _ objects: [JobObject],
        job: JobKey
    ) async throws(TempFileError) -> [ByteText: PublishedFile] {
        if objects.isEmpty { return try await published(job) }
        let (now, workspace) = (nowMilliseconds, workspace)
        return try await ledger.write(outliving: .death, for: .cleaning) { books in
            let number = try books.ensureLiveJob(job, now: now).number
            try books.planObjects(objects, job: number)
            return try books.published(job, number, in: workspace)
        }
    }

    /// The answer to a job that wants to put objects.
    package enum KeyHold: Sendable {
        /// Their keys are the job's until it ends. The job's files that were published before, as ``published(_:)``.
        case held([ByteText: PublishedFile])
        /// Another job that goes on holds one of the keys, and nothing is noted. The job has waited so long for that,
        /// in service time of its stage.
        case busy(JobKey, waited: Duration)
    }

    /// Notes objects before they are put, if no other job of this host puts one under a key of theirs: all or none.
    ///
    /// - Parameter node: this host; nil when it is the only one.
    /// - Throws: ``TempFileError`` with code `jobFinished`.
    package func holdKeys(
        of objects: [JobObject],
        job: JobKey,
        node: String? = nil
    ) async throws(TempFileError) -> KeyHold {
        if objects.isEmpty { return .held(try await published(job)) }
        let (now, workspace) = (nowMilliseconds, workspace)
        return try await ledger.write(outliving: .death, for: .cleaning) { books in
            let row = try books.ensureLiveJob(job, now: now)
            switch try books.holdKeys(of: objects, row, job, node: node) {
            case .held: return .held(try books.published(job, row.number, in: workspace))
            case .busy(let holder, let waited): return .busy(holder, waited: .milliseconds(waited))
            }
        }
    }

    /// The objects of a job that it puts or has put, in no order. Of a job that has ended, those that are left.
    package func objects(_ job: JobKey) async throws(TempFileError) -> [JobObject] {
        try await ledger.read { books in try books.head(job).map { try books.objects(job: $0.number) } ?? [] }
    }

    /// Forgets an object that is gone, or that is not the job's.
    package func forgetObject(_ object: JobObject, job: JobKey) async throws(TempFileError) {
        try await ledger.write(outliving: .death, for: .cleaning) { books in
            if let row = try books.head(job) { try books.forgetObject(object, job: row.number) }
        }
    }

    /// Jobs that have ended and of which objects are left: the first of them.
    package func jobsWithLeftObjects(limit: Int = 100) async throws(TempFileError) -> [JobKey] {
        try await jobsWithLeftObjects(after: 0, limit: limit).map(\.job)
    }

    /// The same, page by page: one that nothing can be done for does not hide those behind it.
    ///
    /// - Parameter number: of the last job of the page before; 0 for the first page.
    package func jobsWithLeftObjects(
        after number: Int64,
        limit: Int = 100
    ) async throws(TempFileError) -> [(number: Int64, job: JobKey)] {
        try await ledger.read { try $0.jobsWithLeftObjects(after: number, limit: limit) }
    }

    /// The stores that jobs of this host put objects into, or have left some in, as ``JobObject/store`` has them.
    package func objectStores() async throws(TempFileError) -> [ByteText] {
        try await ledger.read { try $0.objectStores() }
    }

    /// The objects in a store that jobs of this host put, or have left there, and how long ago those jobs ended.
    package func objectOwners(
        in store: ByteText
    ) async throws(TempFileError) -> [(key: ByteText, job: JobKey, endedAgo: Duration?)] {
        let now = nowMilliseconds
        let owners = try await ledger.read { try $0.objectOwners(store: store) }
        return owners.map { owner in
            let ago = owner.finishedAt.map {
                Duration.milliseconds(max(now.subtractingReportingOverflow($0).partialValue, 0))
            }
            return (owner.key, owner.job, ago)
        }
    }

    /// The lease of a job that has ended; nil when somebody has it, or when the job has begun anew. Give it up with
    /// ``LeaseHold/releaseRemovingEmptyDirectory()``.
    package func tryLease(ofFinished job: JobKey) async throws(TempFileError) -> (hold: LeaseHold, record: JobRecord)? {
        guard let hold = try await tryLease(directory: workspace.directory(of: job), makesDirectory: true) else {
            return nil
        }
        // Whoever held the lease until now may have begun a new run.
        guard let row = try await ledger.read({ try $0.job(job) }), row.end != nil else {
            hold.releaseRemovingEmptyDirectory()
            return nil
        }
        return (hold, row.record)
    }
}
