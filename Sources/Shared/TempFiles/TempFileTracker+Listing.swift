internal import FoundationEssentials
internal import GRDB
public import JobModel

/// For those who look at the books from outside: dashboards, metrics, command lines.
extension TempFileTracker {
    /// Some of the jobs on the books, the newest first.
    ///
    /// - Parameters:
    ///   - cursor: ``JobPage/next`` of the page before; nil for the first page.
    ///   - limit: of the page.
    public func jobs(_ filter: JobFilter, before cursor: Int64?, limit: Int) async throws(TempFileError) -> JobPage {
        let limit = max(limit, 1)
        return try await ledger.read { db in
            // One more than asked for tells whether there is another page.
            let rows = try Ledger.jobs(db, filter, before: cursor, limit: limit + 1)
            let page = rows.prefix(limit)
            return JobPage(jobs: page.map(\.record), next: rows.count > limit ? page.last?.number : nil)
        }
    }

    /// The jobs of any kind with this id.
    public func jobs(id: ByteText) async throws(TempFileError) -> [JobRecord] {
        try await ledger.read { db in
            try MediaKind.allCases.compactMap { try Ledger.job(db, JobKey(kind: $0, id: id))?.record }
        }
    }

    /// All that is known of one job.
    ///
    /// - Parameter fileLimit: of the files that are listed; their totals count all.
    public func detail(_ key: JobKey, fileLimit: Int) async throws(TempFileError) -> JobDetail? {
        let directory = workspace.path + "/" + workspace.directory(of: key)
        return try await ledger.read { db in
            guard let row = try Ledger.job(db, key) else { return nil }
            return JobDetail(
                record: row.record,
                ticket: row.ticket,
                events: try Ledger.events(db, job: row.number),
                files: try Ledger.files(db, job: row.number, limit: max(fileLimit, 0))
                    .map { $0.entry(path: directory + "/" + $0.name) },
                totals: try Ledger.fileTotals(db, job: row.number)
            )
        }
    }

    /// What the files of each of these jobs take. Jobs without files are left out.
    public func fileTotals(of jobs: [JobKey]) async throws(TempFileError) -> [JobKey: FileTotals] {
        try await ledger.read { db in
            var totals: [JobKey: FileTotals] = [:]
            for key in jobs {
                guard let row = try Ledger.job(db, key), row.hasFiles else { continue }
                totals[key] = try Ledger.fileTotals(db, job: row.number)
            }
            return totals
        }
    }

    /// Files and bytes by the stage that made them. Looks at every file on the books.
    public func statisticsByStage() async throws(TempFileError) -> [StageFileTotals] {
        try await ledger.read { try Ledger.statisticsByStage($0) }
    }

    public func ages() async throws(TempFileError) -> LedgerAges {
        let now = nowMilliseconds
        return try await ledger.read { try Ledger.ages($0, now: now) }
    }
}
