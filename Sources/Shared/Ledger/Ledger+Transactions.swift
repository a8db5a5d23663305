internal import FoundationEssentials
internal import GRDB
package import JobModel
internal import Synchronization
internal import Threads

extension Ledger {
    /// The failures that a commit outlives; see docs/decisions/0012-commits.md.
    package enum Durability: Sendable {
        /// A power cut as well, from the moment the write returns, with all that was committed before it.
        case powerCut
        /// The death of any process, and of all of them. A power cut may take it back until the next commit that
        /// outlives one.
        case death
    }

    /// The purpose of a commit, which decides its fate when the disk is full.
    package enum Purpose: Sendable {
        /// It brings something onto the disk. It may not use the reserve for clean-up.
        case work
        /// It frees space, brings a job nearer to its end, or is small and overdue: ``LedgerReserve`` is for it.
        case cleaning
    }

    package func read<T: Sendable>(
        _ body: @escaping @Sendable (Books) throws -> T
    ) async throws(TempFileError) -> T {
        try await withPool { pool in
            if OwnThread.isCurrent { return OwnThread.block { Result { try pool.read { try body(Books(db: $0)) } } } }
            return await withCheckedContinuation { continuation in
                pool.asyncRead { result in
                    continuation.resume(returning: Result { try body(Books(db: result.get())) })
                }
            }
        }
    }

    /// Runs `body` in one transaction, which is committed when this returns.
    package func write<T: Sendable>(
        outliving durability: Durability = .powerCut,
        for purpose: Purpose = .work,
        _ body: @escaping @Sendable (Books) throws -> T
    ) async throws(TempFileError) -> T {
        try admit(purpose)
        do throws(TempFileError) {
            return try await commit(outliving: durability, body)
        } catch {
            guard purpose == .cleaning, giveUpReserve(after: error) else { throw error }
        }
        return try await commit(outliving: durability, body)
    }

    private func commit<T: Sendable>(
        outliving durability: Durability,
        _ body: @escaping @Sendable (Books) throws -> T
    ) async throws(TempFileError) -> T {
        try await withPool { pool in
            if OwnThread.isCurrent {
                return OwnThread.block {
                    Result { try pool.writeWithoutTransaction { try Self.inTransaction($0, durability, body) } }
                }
            }
            return await withCheckedContinuation { continuation in
                pool.asyncWriteWithoutTransaction { db in
                    continuation.resume(returning: Result { try Self.inTransaction(db, durability, body) })
                }
            }
        }
    }

    /// As ``write(outliving:_:)``, for a thread that may block.
    package func writeBlocking<T>(
        outliving durability: Durability,
        _ body: (Books) throws -> T
    ) throws(TempFileError) -> T {
        try admit(.work)
        let pool = opened.withLock { $0.pool }
        do { return try pool.writeWithoutTransaction { try Self.inTransaction($0, durability, body) } } catch {
            throw TempFileError(ledger: error)
        }
    }

    private static func inTransaction<T>(
        _ db: Database,
        _ durability: Durability,
        _ body: (Books) throws -> T
    ) throws -> T {
        // SQLite takes this as the word for the commits to come, and only between transactions.
        if durability == .powerCut { try db.execute(sql: "PRAGMA synchronous = FULL") }
        defer { if durability == .powerCut { try? db.execute(sql: "PRAGMA synchronous = NORMAL") } }
        try db.beginTransaction(.immediate)
        do {
            let value = try body(Books(db: db))
            try db.commit()
            return value
        } catch {
            // SQLite has rolled back by itself after some errors; then there is nothing left to roll back.
            if db.isInsideTransaction { try? db.rollback() }
            throw error
        }
    }

    func withPool<T: Sendable>(
        _ attempt: @Sendable (DatabasePool) async -> Result<T, any Error>
    ) async throws(TempFileError) -> T {
        let books = try await current(damaged: nil)
        switch await attempt(books.pool) {
        case .success(let value): return value
        case .failure(let error):
            let failure = TempFileError(ledger: error)
            if failure.code != .ledgerCorrupt { throw failure }
        }
        // The transaction did not happen. It is tried once more, with a new ledger.
        let fresh = try await current(damaged: books.identity)
        do { return try await attempt(fresh.pool).get() } catch { throw TempFileError(ledger: error) }
    }
}
