internal import FoundationEssentials
internal import GRDB
package import JobModel

extension Books {
    package func jobs(_ filter: JobFilter, before cursor: Int64?, limit: Int) throws -> [JobRow] {
        let query = Self.listing(filter, before: cursor, limit: limit)
        return try Row.fetchAll(db.cachedStatement(sql: query.sql), arguments: query.arguments).compactMap {
            JobRow($0)
        }
    }

    static func listing(
        _ filter: JobFilter,
        before cursor: Int64?,
        limit: Int
    ) -> (sql: String, arguments: StatementArguments) {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        func require(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
            guard let value else { return }
            conditions.append(condition)
            arguments += [value]
        }
        let isNamed = filter.mediaID != nil || filter.source != nil || filter.name != nil
        // The index of a name leads to the fewest rows, which SQLite cannot know: a plus keeps it from the other
        // indexes.
        let other = isNamed ? "+" : ""
        require("media = ?", filter.mediaID.map { Data($0.utf8) })
        if let source = filter.source {
            conditions.append(filter.mediaID == nil ? "source IN (?, ?)" : "+source IN (?, ?)")
            arguments += sourceForms(source)
        }
        if let name = filter.name {
            conditions.append("number IN (\(named))")
            let bytes = Data(name.utf8)
            arguments += [bytes, bytes] + sourceForms(name)
        }
        require("\(other)state = ?", filter.state?.rawValue)
        require("\(other)outcome = ?", filter.outcome?.rawValue)
        require("\(other)kind = ?", filter.kind?.rawValue)
        require("\(other)stage = ?", filter.stage?.rawValue)
        require("number < ?", cursor)
        arguments += [limit]
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        return ("SELECT \(JobRow.columns) FROM job \(condition) ORDER BY number DESC LIMIT ?", arguments)
    }

    private static let named = """
        SELECT number FROM job WHERE kind IN ('video', 'image') AND id = ?
        UNION SELECT number FROM job WHERE media = ?
        UNION SELECT number FROM job WHERE source IN (?, ?)
        """

    /// As it is written down, and for an object's key alone.
    private static func sourceForms(_ source: ByteText) -> StatementArguments {
        [Data(source.utf8), Data((Ticket.keyPrefix + source.string).utf8)]
    }

    package func events(job number: Int64) throws -> [JobEvent] {
        let sql = "SELECT at, what, stage, hop, detail FROM event WHERE job = ? ORDER BY number"
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number]).compactMap(JobEvent.init)
    }

    package func files(job number: Int64, limit: Int) throws -> [FileRow] {
        let sql = "SELECT \(FileRow.columns) FROM file WHERE job = ? ORDER BY number LIMIT ?"
        return try withCopies(
            Row.fetchAll(db.cachedStatement(sql: sql), arguments: [number, limit]).map { FileRow($0) }
        )
    }

    package func fileTotals(job number: Int64) throws -> FileTotals {
        let sql = "SELECT COUNT(*), COALESCE(SUM(sizeBytes), 0) FROM file WHERE job = ?"
        guard let row = try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [number]) else {
            return FileTotals(files: 0, sizeBytes: 0)
        }
        let count: Int64 = row[0]
        return FileTotals(files: Int(clamping: count), sizeBytes: row[1])
    }

    package func statisticsByStage() throws -> [StageFileTotals] {
        let sql = """
            SELECT job.kind, file.stage, COUNT(*) AS files, SUM(file.sizeBytes) AS bytes
            FROM file JOIN job ON job.number = file.job GROUP BY job.kind, file.stage
            """
        return try Row.fetchAll(db, sql: sql).compactMap { row in
            guard let kind = MediaKind(rawValue: row["kind"]) else { return nil }
            let stage: String? = row["stage"]
            let files: Int64 = row["files"]
            return StageFileTotals(
                kind: kind,
                stage: stage.flatMap { JobPhase(rawValue: $0) },
                totals: FileTotals(files: Int(clamping: files), sizeBytes: row["bytes"])
            )
        }
    }

    package func ages(now: Int64) throws -> LedgerAges {
        var ages = LedgerAges()
        // Numbers grow, so the lowest is the oldest, and is found without looking at the others.
        let oldest = try Row.fetchOne(
            db,
            sql: "SELECT kind, id, createdAt FROM job WHERE state = 'active' ORDER BY number LIMIT 1"
        )
        if let row = oldest, let kind = MediaKind(rawValue: row["kind"]) {
            let id: Data = row["id"]
            ages.oldestJob = JobKey(kind: kind, id: ByteText(String(decoding: id, as: UTF8.self)))
            ages.oldestJobAge = Self.age(since: row["createdAt"], now: now)
        }
        ages.oldestFileAge = try Int64.fetchOne(db, sql: "SELECT createdAt FROM file ORDER BY number LIMIT 1")
            .map { Self.age(since: $0, now: now) }
        let stuck = """
            SELECT (SELECT COUNT(*) FROM file WHERE attempts > 0)
                + (SELECT COUNT(*) FROM job JOIN file ON file.job = job.number
                    WHERE job.state = 'finished' AND job.fileCount > 0 AND file.attempts = 0)
            """
        ages.stuckFiles = try Int.fetchOne(db, sql: stuck) ?? 0
        return ages
    }

    /// Zero when the moment lies in the future: clocks jump.
    private static func age(since then: Int64, now: Int64) -> Duration {
        let (milliseconds, overflow) = now.subtractingReportingOverflow(then)
        return overflow ? .zero : .milliseconds(max(milliseconds, 0))
    }
}

extension JobEvent {
    /// nil for a word that a newer version wrote.
    init?(_ row: Row) {
        guard let what = What(rawValue: row["what"]) else { return nil }
        let stage: String? = row["stage"]
        self.init(
            at: Date(milliseconds: row["at"]),
            what: what,
            stage: stage.flatMap { Stage(rawValue: $0) },
            hop: row["hop"],
            detail: row["detail"]
        )
    }
}
