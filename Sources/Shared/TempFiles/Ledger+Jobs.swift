internal import FoundationEssentials
internal import GRDB
internal import JobModel

/// A job's row.
struct JobRow: Sendable {
    var number: Int64
    /// The name of the job's directory within its kind.
    var directory: String
    var record: JobRecord
    /// Service time at which the job was first seen silent, and its `updatedAt` then, both in milliseconds.
    var quietSince: Int64?
    var quietMark: Int64?
    /// Of the last start.
    var ticket: [UInt8]?
    var hasFiles: Bool

    static let columns = """
        number, kind, id, directory, media, source, state, stage, hop, progress, step, outcome, finishToken,
        isCancelRequested, record, createdAt, updatedAt, finishedAt, quietSince, quietMark, ticket, fileCount,
        attempt, redrives, announcedAt, leftFiles, leftBytes
        """

    /// nil for a row of a kind or state that a newer version wrote.
    init?(_ row: Row) {
        guard let kind = MediaKind(rawValue: row["kind"]), let state = JobRecord.State(rawValue: row["state"]) else {
            return nil
        }
        number = row["number"]
        directory = row["directory"]
        let id: Data = row["id"]
        let stage: String? = row["stage"]
        let outcome: String? = row["outcome"]
        let finishedAt: Int64? = row["finishedAt"]
        let announcedAt: Int64? = row["announcedAt"]
        let final: Data? = row["record"]
        let progress: Int64 = row["progress"]
        let lastTicket: Data? = row["ticket"]
        let (media, source): (Data, Data?) = (row["media"], row["source"])
        let fileCount: Int64 = row["fileCount"]
        hasFiles = fileCount > 0
        quietSince = row["quietSince"]
        quietMark = row["quietMark"]
        ticket = lastTicket.map { [UInt8]($0) }
        record = JobRecord(
            key: JobKey(kind: kind, id: ByteText(String(decoding: id, as: UTF8.self))),
            mediaID: ByteText(String(decoding: media, as: UTF8.self)),
            source: source.map { ByteText(String(decoding: $0, as: UTF8.self)) },
            state: state,
            stage: stage.flatMap { Stage(rawValue: $0) },
            hop: row["hop"],
            attempt: row["attempt"],
            redrives: row["redrives"],
            progress: Int(clamping: progress),
            step: row["step"],
            outcome: outcome.flatMap { JobOutcome(rawValue: $0) },
            finishToken: row["finishToken"],
            isCancelRequested: row["isCancelRequested"],
            createdAt: Date(milliseconds: row["createdAt"]),
            updatedAt: Date(milliseconds: row["updatedAt"]),
            finishedAt: finishedAt.map { Date(milliseconds: $0) },
            announcedAt: announcedAt.map { Date(milliseconds: $0) },
            leftFiles: row["leftFiles"],
            leftBytes: row["leftBytes"],
            record: final.map { [UInt8]($0) }
        )
    }

    /// How the job ended, when it has.
    var end: JobOutcome? { record.state == .finished ? record.outcome ?? .completed : nil }
}

/// What most transactions have to know of a job, without what is long.
struct JobHead: Sendable {
    var number: Int64
    var state: JobRecord.State
    var stage: Stage?
    var hop: Int64
    var redrives: Int64
    var progress: Int
    var step: String
    var outcome: JobOutcome?
    var isCancelRequested: Bool
    var updateSentAt: Int64?
    /// The worker that has begun a stage and neither handed the job over nor given it back, as ``WorkerLife/text``.
    var worker: String?
    /// How many workers died of the job.
    var deaths: Int64
    /// As ``StageMessage/content``.
    var content: [UInt8]?

    static let columns = """
        number, state, stage, hop, redrives, progress, step, outcome, isCancelRequested, updateSentAt, worker, deaths, content
        """

    /// nil for a row of a state that a newer version wrote.
    init?(_ row: Row) {
        guard let state = JobRecord.State(rawValue: row[1]) else { return nil }
        number = row[0]
        self.state = state
        let stage: String? = row[2]
        self.stage = stage.flatMap { Stage(rawValue: $0) }
        hop = row[3]
        redrives = row[4]
        progress = Int(clamping: row[5] as Int64)
        step = row[6]
        let outcome: String? = row[7]
        self.outcome = outcome.flatMap { JobOutcome(rawValue: $0) }
        isCancelRequested = row[8]
        updateSentAt = row[9]
        worker = row[10]
        deaths = row[11]
        let mark: Data? = row[12]
        content = mark.map { [UInt8]($0) }
    }

    /// Whether the message is of another job with this one's id. A new run of a job asks for the same.
    func isOther(than message: StageMessage) -> Bool {
        guard let content, let asked = message.content else { return false }
        return content != asked
    }

    /// Whether the job has moved on since the message was sent.
    func isBeyond(_ message: StageMessage) -> Bool {
        message.hop < hop || message.run.redrives < redrives
    }

    /// How the job ended, when it has.
    var end: JobOutcome? { state == .finished ? outcome ?? .completed : nil }
}

extension Ledger {
    static func head(_ db: Database, _ key: JobKey) throws -> JobHead? {
        let sql = "SELECT \(JobHead.columns) FROM job WHERE kind = ? AND id = ?"
        let arguments: StatementArguments = [key.kind.rawValue, Data(key.id.utf8)]
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: arguments).flatMap(JobHead.init)
    }

    static func job(_ db: Database, _ key: JobKey) throws -> JobRow? {
        let sql = "SELECT \(JobRow.columns) FROM job WHERE kind = ? AND id = ?"
        let arguments: StatementArguments = [key.kind.rawValue, Data(key.id.utf8)]
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: arguments).flatMap(JobRow.init)
    }

    static func job(_ db: Database, kind: MediaKind, directory: String) throws -> JobRow? {
        let sql = "SELECT \(JobRow.columns) FROM job WHERE kind = ? AND directory = ?"
        let arguments: StatementArguments = [kind.rawValue, directory]
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: arguments).flatMap(JobRow.init)
    }

    /// The job's row, made where it is missing.
    static func ensureJob(_ db: Database, _ key: JobKey, now: Int64) throws -> JobHead {
        if let known = try head(db, key) { return known }
        try db.run(
            sql: """
                INSERT INTO job (kind, id, directory, createdAt, updatedAt) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (kind, id) DO NOTHING
                """,
            arguments: [
                key.kind.rawValue, Data(key.id.utf8), Workspace.directoryName(ofJobID: key.id.string), now, now,
            ]
        )
        guard let made = try head(db, key) else {
            throw TempFileError(
                code: .ledger,
                message: "the ledger holds the job \(key) in a form that this version does not know",
                isRetriable: false
            )
        }
        return made
    }

    /// The job's row, for adding to it.
    ///
    /// - Throws: ``TempFileError`` with code `jobFinished`.
    static func ensureLiveJob(_ db: Database, _ key: JobKey, now: Int64) throws -> JobHead {
        let row = try ensureJob(db, key, now: now)
        guard row.end == nil else {
            throw TempFileError(
                code: .jobFinished,
                message: "the job \(key) is finished; a duplicate of it must be dropped",
                isRetriable: false
            )
        }
        return row
    }

    static func jobs(_ db: Database, limit: Int, state: JobRecord.State?) throws -> [JobRecord] {
        let condition = state == nil ? "" : "WHERE state = ?"
        var arguments: StatementArguments = []
        if let state { arguments += [state.rawValue] }
        arguments += [max(limit, 0)]
        let sql = "SELECT \(JobRow.columns) FROM job \(condition) ORDER BY number DESC LIMIT ?"
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).compactMap { JobRow($0)?.record }
    }

    static func jobsHoldingFiles(_ db: Database, in stages: Set<Stage>) throws -> Int {
        let places = databaseQuestionMarks(count: stages.count)
        return try Int.fetchOne(
            db,
            sql: "SELECT COUNT(*) FROM job WHERE state = 'active' AND fileCount > 0 AND stage IN (\(places))",
            arguments: StatementArguments(stages.map(\.rawValue))
        ) ?? 0
    }

    /// - Returns: whether there was a finished job to forget.
    static func forget(_ db: Database, _ key: JobKey, now: Int64) throws -> Bool {
        guard let row = try head(db, key), row.end != nil else { return false }
        // Files that could not be removed need a job that they belong to.
        try db.run(
            sql: """
                UPDATE job SET state = 'active', stage = NULL, hop = 0, progress = 0, step = '', outcome = NULL,
                    finishToken = NULL, isCancelRequested = 0, record = NULL, finishedAt = NULL, announcedAt = NULL,
                    rememberedSince = NULL, content = NULL, updatedAt = ?
                WHERE number = ? AND fileCount > 0
                """,
            arguments: [now, row.number]
        )
        try db.run(sql: "DELETE FROM job WHERE number = ? AND fileCount = 0", arguments: [row.number])
        return true
    }

    /// Notes which jobs that have not ended are silent since now: all that changed since they were last noted.
    static func noteSilence(_ db: Database) throws {
        try db.run(
            sql: """
                UPDATE job SET quietMark = updatedAt, quietSince = (
                    SELECT milliseconds FROM service
                    WHERE service.kind = job.kind AND service.stage = COALESCE(job.stage, 'download'))
                WHERE state IN ('active', 'finishing') AND quietMark IS NOT updatedAt
                """
        )
    }

    /// How long each stage was served, in milliseconds.
    static func served(_ db: Database) throws -> [ServedStage: Int64] {
        var served: [ServedStage: Int64] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT kind, stage, milliseconds FROM service") {
            guard let kind = MediaKind(rawValue: row[0]), let stage = Stage(rawValue: row[1]) else { continue }
            served[ServedStage(kind, stage)] = row[2]
        }
        return served
    }

    /// Notes that somebody works on the job, though its row does not change.
    static func noteSign(_ db: Database, job number: Int64) throws {
        try db.run(sql: "UPDATE job SET quietSince = NULL, quietMark = NULL WHERE number = ?", arguments: [number])
    }

    /// The job belongs to the clean-up stage now. An end that was claimed before is claimed by the new message.
    static func abandon(_ db: Database, job number: Int64, hop: Int64, token: String, now: Int64) throws {
        try db.run(
            sql: """
                UPDATE job SET hop = ?, stage = 'cleanup', updatedAt = ?, quietSince = NULL, quietMark = NULL,
                    finishToken = CASE state WHEN 'finishing' THEN ? ELSE finishToken END
                WHERE number = ? AND hop <= ? AND state <> 'finished'
                """,
            arguments: [hop, now, token, number, hop]
        )
    }

    /// Forgets finished jobs without files.
    ///
    /// - Parameter age: in milliseconds of service.
    static func prune(_ db: Database, olderThan age: Int64, limit: Int) throws -> Int {
        try makeWishesOfJobsThatNeverCame(db)
        try db.run(
            sql: """
                DELETE FROM job WHERE number IN (
                    SELECT number FROM job WHERE fileCount = 0 AND state = 'finished'
                        AND rememberedSince < (SELECT serviceMilliseconds FROM about) - ?
                    LIMIT ?)
                """,
            arguments: [age, limit]
        )
        return db.changesCount
    }

    /// Earlier versions kept the wish to cancel a job that nobody had seen as a job, which then seemed to be under way.
    private static func makeWishesOfJobsThatNeverCame(_ db: Database) throws {
        let those = "state = 'active' AND stage IS NULL AND isCancelRequested AND fileCount = 0"
        try db.run(
            sql: """
                INSERT INTO wish (kind, id, redrives, since)
                    SELECT kind, id, NULL, COALESCE(rememberedSince, 0) FROM job WHERE \(those)
                    ON CONFLICT (kind, id) DO NOTHING
                """
        )
        try db.run(sql: "DELETE FROM job WHERE \(those)")
    }

    /// Once the clean-up stage has the job, its outputs are published and its end is decided.
    ///
    /// A job that no stage has seen is none: the wish is kept apart from jobs, until the job's message takes it or it is forgotten.
    ///
    /// - Parameter isRemembered: whether a job that no stage has seen is given up when its message comes.
    static func requestCancel(
        _ db: Database,
        _ key: JobKey,
        isRemembered: Bool = true,
        now: Int64
    ) throws -> CancelAnswer {
        guard let row = try head(db, key), row.stage != nil || row.state != .active else {
            if isRemembered { try rememberWish(db, key) }
            return .unknown
        }
        if row.state == .active, !row.isCancelRequested, row.stage != .cleanup {
            try db.run(
                sql: "UPDATE job SET isCancelRequested = 1, updatedAt = ? WHERE number = ?",
                arguments: [now, row.number]
            )
        } else if row.state != .active || !row.isCancelRequested {
            return .over(row.end)
        }
        return .requested
    }

    /// What there is of a job with this id, or of one of another kind: the livelier counts. A wish for a job that no stage has seen is
    /// none; a job of the other kind that another host has claimed may be live.
    static func presence(_ db: Database, _ key: JobKey, or other: MediaKind?, node: String?) throws -> JobPresence {
        let sql = """
            SELECT MAX(rank) FROM (
                SELECT CASE WHEN state <> 'finished' THEN 2 ELSE announcedAt IS NULL END AS rank
                FROM job WHERE kind IN (?1, ?2) AND id = ?3 AND NOT (stage IS NULL AND isCancelRequested)
                UNION ALL SELECT 2 FROM claim WHERE kind = ?2 AND id = ?3 AND node <> ?4)
            """
        let arguments: StatementArguments = [
            key.kind.rawValue, other?.rawValue ?? "", Data(key.id.utf8), node ?? "",
        ]
        return switch try Int.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) ?? 0 {
        case 0: .none
        case 1: .ending
        default: .live
        }
    }

    static func isCancelRequested(_ db: Database, _ key: JobKey) throws -> Bool {
        let sql = "SELECT isCancelRequested FROM job WHERE kind = ? AND id = ?"
        let arguments: StatementArguments = [key.kind.rawValue, Data(key.id.utf8)]
        return try Bool.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) ?? false
    }
}
