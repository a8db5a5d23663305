package import JobModel
internal import Ledger
internal import TempFiles

/// For whoever looks at the ledger from outside: dashboards, metrics, command lines.
extension JobStore {
    package func job(_ key: JobKey) async throws(TempFileError) -> JobRecord? {
        try await ledger.read { try $0.job(key)?.record }
    }

    /// Some of the jobs in the ledger, the newest first.
    ///
    /// - Parameters:
    ///   - cursor: ``JobPage/next`` of the page before; nil for the first page.
    ///   - limit: of the page.
    package func jobs(_ filter: JobFilter, before cursor: Int64?, limit: Int) async throws(TempFileError) -> JobPage {
        let limit = max(limit, 1)
        return try await ledger.read { books in
            // One more than asked for tells whether there is another page.
            let rows = try books.jobs(filter, before: cursor, limit: limit + 1)
            let page = rows.prefix(limit)
            return JobPage(jobs: page.map(\.record), next: rows.count > limit ? page.last?.number : nil)
        }
    }

    /// The jobs of any kind with this id.
    package func jobs(id: ByteText) async throws(TempFileError) -> [JobRecord] {
        try await ledger.read { books in
            try MediaKind.allCases.compactMap { try books.job(JobKey(kind: $0, id: id))?.record }
        }
    }

    /// The tickets of the newest jobs with this source, as JSON: of their last starts, or of their ends.
    ///
    /// - Parameter source: as ``Ticket/sourceText``.
    package func tickets(ofSource source: ByteText, limit: Int) async throws(TempFileError) -> [[UInt8]] {
        try await ledger.read { books in
            try books.jobs(JobFilter(source: source), before: nil, limit: max(limit, 1))
                .compactMap { $0.ticket ?? $0.record.record }
        }
    }

    /// All that is known of one job.
    ///
    /// - Parameter fileLimit: of the files that are listed; their totals count all.
    package func detail(_ key: JobKey, fileLimit: Int) async throws(TempFileError) -> JobDetail? {
        let workspace = files.workspace
        return try await ledger.read { books in
            guard let row = try books.job(key) else { return nil }
            return JobDetail(
                record: row.record,
                ticket: row.ticket,
                events: try books.events(job: row.number),
                files: workspace.entries(try books.files(job: row.number, limit: max(fileLimit, 0)), of: key),
                totals: try books.fileTotals(job: row.number)
            )
        }
    }

    package func ages() async throws(TempFileError) -> LedgerAges {
        let now = nowMilliseconds
        return try await ledger.read { try $0.ages(now: now) }
    }

    /// How many unfinished jobs in one of these stages have temp files.
    package func jobsHoldingFiles(in stages: Set<Stage>) async throws(TempFileError) -> Int {
        try await ledger.read { try $0.jobsHoldingFiles(in: stages) }
    }
}
