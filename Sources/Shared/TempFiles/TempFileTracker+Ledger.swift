internal import GRDB

extension TempFileTracker {
    /// Reads all of the ledger and looks for damage. Damaged books are set aside and begun anew; the files stay, until their
    /// jobs' messages have come back or would have.
    ///
    /// - Returns: whether the books were sound.
    @discardableResult
    public func checkLedger() async throws(TempFileError) -> Bool {
        let before = try await ledger.read { try Self.begun($0) }
        try await ledger.read { db in
            let answer = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
            if answer != "ok" {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: answer ?? "quick_check does not answer")
            }
        }
        return try await ledger.read { try Self.begun($0) } == before
    }

    /// Moves the write-ahead log into the database and gives its space back. While readers keep it from that, the next call
    /// does it.
    public func truncateLedgerLog() async throws(TempFileError) {
        try await ledger.checkpointLog()
    }

    private static func begun(_ db: Database) throws -> Int64? {
        try Int64.fetchOne(db, sql: "SELECT createdAt FROM about")
    }
}
