package import JobModel
internal import Ledger

extension TempFileTracker {
    /// Files, jobs and bytes in the ledger, for each kind. Quick at any number of files.
    package func statistics() async throws(TempFileError) -> [MediaKind: TempFileStatistics] {
        try await ledger.read { try $0.statistics() }
    }

    /// The bytes of the files of each of these jobs. Jobs without files are left out.
    package func fileTotals(of jobs: [JobKey]) async throws(TempFileError) -> [JobKey: FileTotals] {
        try await ledger.read { books in
            var totals: [JobKey: FileTotals] = [:]
            for key in jobs {
                guard let row = try books.job(key), row.hasFiles else { continue }
                totals[key] = try books.fileTotals(job: row.number)
            }
            return totals
        }
    }

    /// Files and bytes by the stage that made them. Looks at every file in the ledger.
    package func statisticsByStage() async throws(TempFileError) -> [StageFileTotals] {
        try await ledger.read { try $0.statisticsByStage() }
    }
}
