internal import FoundationEssentials
internal import GRDB
package import JobModel

/// Which host has which job, as far as this host has read the log of claims.
extension Books {
    package func claimsPlace(log: String) throws -> ClaimsPlace? {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT position, mark FROM claimsRead WHERE log = ?"),
            arguments: [log]
        )
        return row.map { row in
            let mark: Data = row[1]
            return ClaimsPlace(position: row[0], mark: [UInt8](mark))
        }
    }

    /// Has the log read again from its beginning.
    ///
    /// - Parameter isAnother: than it was, so that the positions that are known are those of a log that is gone.
    package func restartClaims(log: String, kind: MediaKind, isAnother: Bool) throws {
        try db.run(sql: "DELETE FROM claimsRead WHERE log = ?", arguments: [log])
        if isAnother { try db.run(sql: "UPDATE claim SET position = -1 WHERE kind = ?", arguments: [kind.rawValue]) }
    }

    /// Whether a job of this kind waits for space.
    package func isAnyWaitingForSpace(_ kind: MediaKind) throws -> Bool {
        let sql = """
            SELECT EXISTS (SELECT 1 FROM job WHERE state = 'active' AND kind = ? AND stage <> 'cleanup' AND step = ?)
            """
        let arguments: StatementArguments = [kind.rawValue, UpdateStep.waitingForSpace]
        return try Bool.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) ?? false
    }

    /// The host that has the job's message with this run and hop, or a later one of the job; nil when no claim of it
    /// was read.
    package func claimant(_ key: JobKey, redrives: Int64, hop: Int64) throws -> String? {
        guard let claim = try standing(key)?.claim, (claim.redrives, claim.hop) >= (redrives, hop) else {
            return nil
        }
        return claim.node
    }

    /// Notes records that were read after `after`, up to `through`, which has `mark`.
    ///
    /// - Parameter node: this host.
    package func note(
        _ records: [ClaimRecord],
        log: String,
        after: Int64,
        through: Int64,
        mark: [UInt8],
        node: String,
        now: Int64
    ) throws -> ClaimsReading {
        let position = try claimsPlace(log: log)?.position ?? -1
        // Another worker has begun the log anew, or a power cut has taken back what was noted.
        guard position >= after else { return .gap }
        let since = try Int64.fetchOne(db.cachedStatement(sql: "SELECT serviceMilliseconds FROM about")) ?? 0
        var wishes: [JobKey] = []
        for record in records {
            switch record.content {
            case .claim(let claim) where record.position > position:
                try note(claim, record, since: since, node: node)
            case .claim: break
            case .wish:
                if record.position > position { try noteWish(record, since: since, node: node, now: now) }
                // Also if another process of this host has noted it: it may not be the one that acts on it.
                wishes.append(record.job)
            }
        }
        if through > position {
            try db.run(
                sql: """
                    INSERT INTO claimsRead (log, position, mark) VALUES (?, ?, ?)
                    ON CONFLICT (log) DO UPDATE SET position = excluded.position, mark = excluded.mark
                    """,
                arguments: [log, through, Data(mark)]
            )
        }
        return .noted(wishes: wishes)
    }

    package func standing(_ key: JobKey) throws -> (claim: JobClaim, position: Int64)? {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT redrives, hop, node, position FROM claim WHERE kind = ? AND id = ?"),
            arguments: [key.kind.rawValue, Data(key.id.utf8)]
        )
        return row.map { (JobClaim(redrives: $0[0], hop: $0[1], node: $0[2]), $0[3]) }
    }

    private func note(
        _ new: JobClaim,
        _ record: ClaimRecord,
        since: Int64,
        node: String
    ) throws {
        let key = record.job
        if let old = try standing(key)?.claim, (old.redrives, old.hop) >= (new.redrives, new.hop) {
            let isReplacing = (old.redrives, old.hop) == (new.redrives, new.hop) && new.replacedNode == old.node
            guard isReplacing else { return }
        }
        let id = Data(key.id.utf8)
        try db.run(
            sql: """
                INSERT INTO claim (kind, id, redrives, hop, node, position, since) VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (kind, id) DO UPDATE SET
                    redrives = excluded.redrives, hop = excluded.hop, node = excluded.node,
                    position = excluded.position, since = excluded.since
                """,
            arguments: [key.kind.rawValue, id, new.redrives, new.hop, new.node, record.position, since]
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

    /// A wish is for the run that was claimed last before it.
    private func noteWish(
        _ record: ClaimRecord,
        since: Int64,
        node: String,
        now: Int64
    ) throws {
        let key = record.job
        let standing = try standing(key)
        let claim = standing?.claim
        if let standing {
            // The other host reads it, too. Of a log that is read again, what was meant for earlier runs comes again.
            guard standing.claim.node == node, record.position > standing.position else { return }
        }
        // The claim of the run that this host has comes later in the log.
        if let row = try head(key), row.stage != nil, row.redrives > (claim?.redrives ?? 0) { return }
        guard case .unknown = try requestCancel(key, isRemembered: false, now: now) else { return }
        try db.run(
            sql: """
                INSERT INTO wish (kind, id, redrives, since) VALUES (?, ?, ?, ?)
                ON CONFLICT (kind, id) DO UPDATE SET redrives = excluded.redrives, since = excluded.since
                """,
            arguments: [key.kind.rawValue, Data(key.id.utf8), claim?.redrives, since]
        )
    }

    /// Notes a wish that is for whatever run of the job comes first.
    package func rememberWish(_ key: JobKey) throws {
        try db.run(
            sql: """
                INSERT INTO wish (kind, id, redrives, since)
                    VALUES (?, ?, NULL, (SELECT serviceMilliseconds FROM about))
                ON CONFLICT (kind, id) DO UPDATE SET redrives = NULL, since = excluded.since
                """,
            arguments: [key.kind.rawValue, Data(key.id.utf8)]
        )
    }

    /// Whether somebody wanted this run of the job cancelled before any stage of this host had seen it. The wish is
    /// over then.
    package func takeWish(_ key: JobKey, redrives: Int64) throws -> Bool {
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
    package func pruneClaims(age: Int64) throws -> Int {
        let now = try Int64.fetchOne(db, sql: "SELECT serviceMilliseconds FROM about") ?? 0
        let (since, overflow) = now.subtractingReportingOverflow(age)
        if overflow { return 0 }
        try db.run(sql: "DELETE FROM wish WHERE since < ?", arguments: [since])
        let wishes = db.changesCount
        try db.run(sql: "DELETE FROM claim WHERE since < ?", arguments: [since])
        return wishes + db.changesCount
    }
}
