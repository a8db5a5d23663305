package import JobModel
internal import Ledger

/// The uploads in parts that jobs have begun, in the ledger beside the files that they send.
extension TempFileTracker {
    /// Notes an upload before its first part goes.
    ///
    /// - Throws: ``TempFileError`` with code `jobFinished`.
    package func noteUpload(_ upload: JobUpload, job: JobKey) async throws(TempFileError) {
        let now = nowMilliseconds
        try await ledger.write(outliving: .death, for: .cleaning) { books in
            try books.noteUpload(upload, job: books.ensureLiveJob(job, now: now).number)
        }
    }

    /// The uploads of a job that are not known to be over, the newest first. Of a job that has ended, those that are
    /// left.
    package func uploads(_ job: JobKey) async throws(TempFileError) -> [JobUpload] {
        try await ledger.read { books in try books.head(job).map { try books.uploads(job: $0.number) } ?? [] }
    }

    /// The uploads of a store that jobs of this host have begun, or have left there, and how long ago those jobs ended.
    package func uploadOwners(
        in store: ByteText
    ) async throws(TempFileError) -> [(upload: JobUpload, job: JobKey, endedAgo: Duration?)] {
        let now = nowMilliseconds
        return try await ledger.read { try $0.uploadOwners(store: store) }.map { owner in
            let ago = owner.finishedAt.map {
                Duration.milliseconds(max(now.subtractingReportingOverflow($0).partialValue, 0))
            }
            return (owner.upload, owner.job, ago)
        }
    }

    /// Forgets an upload that is complete or aborted.
    package func forgetUpload(_ upload: JobUpload, job: JobKey) async throws(TempFileError) {
        try await ledger.write(outliving: .death, for: .cleaning) { books in
            if let row = try books.head(job) { try books.forgetUpload(upload, job: row.number) }
        }
    }
}
