package import JobModel
internal import Ledger
internal import TempFiles

extension JobStore {
    /// Records progress that clients are to hear of, unless they have heard of the same step a moment ago: from this
    /// worker, or from one before it. Progress never goes backwards.
    ///
    /// - Parameters:
    ///   - percent: 0 to 100; anything else is the nearest of these.
    ///   - interval: shortest time between two updates of one step.
    /// - Returns: the progress to tell, the highest so far; nil when it is too early.
    /// - Throws: ``TempFileError`` with code `jobFinished` when there is nothing to tell any more.
    package func recordNews(
        _ job: JobKey,
        percent: Int,
        step: String,
        interval: Duration
    ) async throws(TempFileError) -> Int? {
        try await recordNews(job, JobProgress(percent: percent, step: step, newsInterval: interval)) { _, _ in }.news
    }

    /// As ``recordNews(_:percent:step:interval:)``, for a stage that is done.
    ///
    /// - Returns: also the manifest, as ``jobTempFiles(_:)`` does.
    package func recordCompletion(
        _ job: JobKey,
        _ progress: JobProgress
    ) async throws(TempFileError) -> (news: Int?, manifest: [TempFileEntry]) {
        let (news, files) = try await recordNews(job, progress) { try $0.files(job: $1.number) }
        return (news, self.files.workspace.entries(files, of: job))
    }

    private func recordNews<T: Sendable>(
        _ job: JobKey,
        _ progress: JobProgress,
        _ reading: @escaping @Sendable (Books, JobHead) throws -> T
    ) async throws(TempFileError) -> (news: Int?, read: T) {
        let now = nowMilliseconds
        return try await ledger.write(outliving: .death) { books in
            // Progress after the end is late news of a worker that has slept.
            let row = try books.ensureLiveJob(job, now: now)
            let (highest, isNews) = try books.recordProgress(row, progress, now: now)
            return (isNews ? highest : nil, try reading(books, row))
        }
    }
}
