internal import FoundationEssentials
internal import GRDB
internal import JobModel

/// Which host has which job, as far as this host has read the log of claims.
extension Ledger {
    static func claimsPosition(_ db: Database, log: String) throws -> Int64? {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT position FROM claimsRead WHERE log = ?"),
            arguments: [log]
        )
    }

    /// Has the log read again from its beginning: it is another one than before.
    static func restartClaims(_ db: Database, log: String) throws {
        try db.run(sql: "DELETE FROM claimsRead WHERE log = ?", arguments: [log])
    }

    /// The host that has the job's message with this run and hop, or a later one of the job; nil when no claim of it was read.
    static func claimant(_ db: Database, _ key: JobKey, redrives: Int64, hop: Int64) throws -> String? {
        guard let claim = try claim(db, key), (claim.redrives, claim.hop) >= (redrives, hop) else { return nil }
        return claim.node
    }

    /// Notes records that were read after `after`, up to `through`.
    ///
    /// - Parameter node: this host.
    static func note(
        _ db: Database,
        _ records: [ClaimRecord],
        log: String,
        after: Int64,
        through: Int64,
        node: String,
        now: Int64
    ) throws -> ClaimsReading {
        let position = try claimsPosition(db, log: log) ?? -1
        // Another worker has begun the log anew, or a power cut has taken back what was noted.
        guard position >= after else { return .gap }
        let since = try Int64.fetchOne(db.cachedStatement(sql: "SELECT serviceMilliseconds FROM about")) ?? 0
        var wishes: [JobKey] = []
        for record in records {
            switch record.content {
            case .claim(let claim) where record.position > position:
                try note(db, claim, record.job, since: since, node: node)
            case .claim: break
            case .wish:
                if record.position > position { try noteWish(db, record.job, since: since, node: node, now: now) }
                // Also if another process of this host has noted it: it may not be the one that acts on it.
                wishes.append(record.job)
            }
        }
        if through > position {
            try db.run(
                sql: """
                    INSERT INTO claimsRead (log, position) VALUES (?, ?)
                    ON CONFLICT (log) DO UPDATE SET position = excluded.position
                    """,
                arguments: [log, through]
            )
        }
        return .noted(wishes: wishes)
    }

    private static func claim(_ db: Database, _ key: JobKey) throws -> JobClaim? {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT redrives, hop, node FROM claim WHERE kind = ? AND id = ?"),
            arguments: [key.kind.rawValue, Data(key.id.utf8)]
        )
        return row.map { JobClaim(redrives: $0[0], hop: $0[1], node: $0[2]) }
    }

    private static func note(_ db: Database, _ new: JobClaim, _ key: JobKey, since: Int64, node: String) throws {
        if let old = try claim(db, key), (old.redrives, old.hop) >= (new.redrives, new.hop) {
            let isReplacing = (old.redrives, old.hop) == (new.redrives, new.hop) && new.replacedNode == old.node
            guard isReplacing else { return }
        }
        let id = Data(key.id.utf8)
        try db.run(
            sql: """
                INSERT INTO claim (kind, id, redrives, hop, node, since) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (kind, id) DO UPDATE SET
                    redrives = excluded.redrives, hop = excluded.hop, node = excluded.node, since = excluded.since
                """,
            arguments: [key.kind.rawValue, id, new.redrives, new.hop, new.node, since]
        )
        if new.node == node {
            try db.run(
                sql: "UPDATE wish SET redrives = ? WHERE kind = ? AND id = ? AND redrives IS NULL",
                arguments: [new.redrives, key.kind.rawValue, id]
            )
        } else {
            try db.run(sql: "DELETE FROM wish WHERE kind = ? AND id = ?", arguments: [key.kind.rawValue, id])
        }
    }

    private static func noteWish(_ db: Database, _ key: JobKey, since: Int64, node: String, now: Int64) throws {
        let claim = try claim(db, key)
        // The other host reads it, too.
        if let claim, claim.node != node { return }
        guard case .unknown = try requestCancel(db, key, isRemembered: false, now: now) else { return }
        try db.run(
            sql: """
                INSERT INTO wish (kind, id, redrives, since) VALUES (?, ?, ?, ?)
                ON CONFLICT (kind, id) DO UPDATE SET redrives = excluded.redrives, since = excluded.since
                """,
            arguments: [key.kind.rawValue, Data(key.id.utf8), claim?.redrives, since]
        )
    }

    /// Whether somebody wanted this run of the job cancelled before any stage of this host had seen it. The wish is over then.
    static func takeWish(_ db: Database, _ key: JobKey, redrives: Int64) throws -> Bool {
        let arguments: StatementArguments = [key.kind.rawValue, Data(key.id.utf8)]
        let wish = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT redrives FROM wish WHERE kind = ? AND id = ?"),
            arguments: arguments
        )
        guard let wish else { return false }
        try db.run(sql: "DELETE FROM wish WHERE kind = ? AND id = ?", arguments: arguments)
        let run: Int64? = wish[0]
        return run.map { redrives <= $0 } ?? true
    }

    /// Forgets claims and wishes of service times before `since`.
    static func pruneClaims(_ db: Database, age: Int64) throws -> Int {
        let now = try Int64.fetchOne(db, sql: "SELECT serviceMilliseconds FROM about") ?? 0
        let (since, overflow) = now.subtractingReportingOverflow(age)
        if overflow { return 0 }
        try db.run(sql: "DELETE FROM wish WHERE since < ?", arguments: [since])
        let wishes = db.changesCount
        try db.run(sql: "DELETE FROM claim WHERE since < ?", arguments: [since])
        return wishes + db.changesCount
    }
}
