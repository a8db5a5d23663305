internal import GRDB
package import JobModel

extension Ledger {
    /// Reads all of the ledger and looks for damage. A damaged ledger is set aside and begun anew.
    ///
    /// - Returns: whether the ledger was sound.
    package func check() async throws(TempFileError) -> Bool {
        let before = try await read { try $0.begunAt() }
        try await read { books in
            let answer = try String.fetchOne(books.db, sql: "PRAGMA quick_check(1)")
            if answer != "ok" {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: answer ?? "quick_check does not answer")
            }
        }
        return try await read { try $0.begunAt() } == before
    }

    /// Moves all of the write-ahead log into the database, and gives its space back unless the disk is nearly full: the
    /// log would have to ask for it again.
    package func checkpointLog() async throws(TempFileError) {
        do throws(TempFileError) {
            try await checkpoint()
        } catch {
            guard giveUpReserve(after: error) else { throw error }
            try await checkpoint()
        }
    }

    private func checkpoint() async throws(TempFileError) {
        let mode: Database.CheckpointMode = reserve.availableBytes < 2 * LedgerReserve.bytes ? .passive : .truncate
        try await withPool { pool in
            await withCheckedContinuation { continuation in
                pool.asyncWriteWithoutTransaction { db in
                    do {
                        try db.checkpoint(mode)
                        continuation.resume(returning: .success(()))
                    } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                        continuation.resume(returning: .success(()))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
        }
    }
}
