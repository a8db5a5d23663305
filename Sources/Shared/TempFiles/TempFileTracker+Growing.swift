package import JobModel
internal import Ledger
internal import Threads

/// Plans that grow: a stage that cannot name all its files beforehand, as one that cuts segments, adds them while it
/// works.
extension TempFileTracker {
    /// Files that a job may have in the ledger when one is planned or added. All of them travel in the job's messages,
    /// beside the source and a few of the runtime's own.
    package static let maximumFiles = Ticket.maximumFiles - 100

    /// Bytes that the manifest may take of a message, about. The rest is for outputs, which are named as well.
    package static let maximumManifestBytes = Int64(Ticket.maximumBytes / 2)

    /// A manifest's entry without its texts, and what separates it from the next.
    private static let entryBytes: Int64 = 200
    /// The manifest is measured once for so many files that are added: that looks at all of the job's.
    private static let filesBetweenMeasures = 256

    /// Puts further files in the ledger while a stage works, in one transaction, before the files exist, and makes the
    /// subdirectories that they need. From then on they are files of the job as planned ones are: they travel in its
    /// manifest, are deleted with it, and a sweep knows them.
    ///
    /// Unlike in ``trackFiles(_:job:stage:)``, a name that is in the ledger is refused: a file that is being written
    /// must not start over. To make a file of an earlier run anew, release that first
    /// (``releaseFiles(_:job:isLast:)``).
    ///
    /// - Parameters:
    ///   - files: ``NewFile/expectedBytes``, where it is known, is reserved at once. Every write is counted before it
    ///     happens
    ///     all the same, by ``SpaceAllowance/grow(_:to:)`` with the file's name.
    ///   - allowance: of the run, as ``planFiles(_:job:stage:reserving:within:)`` returned it.
    /// - Throws: ``TempFileError``; nothing is added then. The code is `leaseNotHeld` when this tracker does not hold
    ///   the job's lease, `jobFinished`, `invalidName`, `nameTaken`, `tooManyFiles` for more than ``maximumFiles`` or
    ///   for names that are too long together, `noSpace` when the disk budget has no room for what is expected.
    package func addFiles(
        _ files: [NewFile],
        job: JobKey,
        stage: Stage,
        counting allowance: SpaceAllowance
    ) async throws(TempFileError) -> [TrackedFile] {
        try await OwnThread.run { [self] () throws(TempFileError) in
            try addFilesBlocking(files, job: job, stage: stage, counting: allowance)
        }
    }

    /// As ``addFiles(_:job:stage:counting:)``, for a thread that may block, as that on which an engine asks where its
    /// next file goes.
    package func addFilesBlocking(
        _ files: [NewFile],
        job: JobKey,
        stage: Stage,
        counting allowance: SpaceAllowance
    ) throws(TempFileError) -> [TrackedFile] {
        let rows = try plannedRows(files, stage: stage)
        try requireLease(job)
        if rows.isEmpty { return [] }
        try allowance.expect(files)
        do throws(TempFileError) {
            let now = nowMilliseconds
            try ledger.writeBlocking(outliving: .death) { books in
                let number = try books.ensureLiveJob(job, now: now).number
                let count = try books.fileCount(job: number) + rows.count
                if count > Self.maximumFiles { throw Self.tooMany(job) }
                for row in rows {
                    guard try books.planNew(row, job: number) else { throw Self.nameTaken(row.name, job) }
                }
                if (count - rows.count) / Self.filesBetweenMeasures == count / Self.filesBetweenMeasures { return }
                let texts = try books.manifestTextBytes(job: number)
                if texts.addingClamped(Int64(count) * entryBytes(of: job)) > Self.maximumManifestBytes {
                    throw Self.tooLong(job, count)
                }
            }
        } catch {
            allowance.cease(expecting: files)
            throw error
        }
        return try makePlacesBlocking(files, job: job)
    }

    /// Bytes of a file's entry in the manifest, without its own name and description.
    private func entryBytes(of job: JobKey) -> Int64 {
        Int64(workspace.absolutePath(of: "", job: job).utf8.count) + Self.entryBytes
    }

    private static func tooMany(_ job: JobKey) -> TempFileError {
        TempFileError(
            code: .tooManyFiles,
            message: "the job \(job) would have more than \(maximumFiles) files, and no more can travel with a job; "
                + "make fewer, as with longer segments",
            isRetriable: false
        )
    }

    private static func tooLong(_ job: JobKey, _ count: Int) -> TempFileError {
        TempFileError(
            code: .tooManyFiles,
            message:
                "the names of the \(count) files of the job \(job) would take more than \(maximumManifestBytes) bytes "
                + "of its messages; make fewer files, or give them shorter names",
            isRetriable: false
        )
    }

    private static func nameTaken(_ name: String, _ job: JobKey) -> TempFileError {
        TempFileError(
            code: .nameTaken,
            message: "the job \(job) has a file `\(name.clipped(toBytes: 200).shown)` already; it is left alone",
            isRetriable: false
        )
    }
}
