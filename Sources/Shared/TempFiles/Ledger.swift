internal import CLinux
internal import Files
internal import FoundationEssentials
internal import GRDB
internal import Glibc
internal import JobModel
internal import Logging
internal import Synchronization
internal import Threads

/// The books of the workspace: SQLite in WAL mode, shared by all processes of the host.
///
/// No operation follows the cancellation of the task that asks for it: a worker that drains must still be able to write
/// what it knows.
final class Ledger: Sendable {
    static let fileName = "ledger.sqlite"
    static let lockName = "ledger.lock"
    private static let companions = ["", "-wal", "-shm"]

    /// An open database, and the file it is. When the path names another file, the books were set aside or deleted.
    private struct Opened: Sendable {
        var pool: DatabasePool
        var identity: FileIdentity
    }

    let now: @Sendable () -> Date
    let reserve: LedgerReserve
    private let root: RootedDirectory
    let path: String
    private let logger: Logger
    private let opened: Mutex<Opened>

    /// Opens the books, and begins them where there are none. Books that cannot be read are set aside.
    init(workspace: Workspace, logger: Logger, now: @escaping @Sendable () -> Date) throws(TempFileError) {
        self.now = now
        self.logger = logger
        root = workspace.root
        reserve = LedgerReserve(root: root)
        path = workspace.path + "/" + Self.fileName
        opened = Mutex(try Self.open(root: root, path: path, logger: logger, now: now, damaged: nil))
        if !reserve.restore() {
            logger.warning(
                "the disk has no room for what the ledger keeps back for clean-up; free some space",
                metadata: [LogKey.filePath: "\(workspace.path)/\(LedgerReserve.fileName)"]
            )
        }
    }

    // MARK: - Access

    func read<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(TempFileError) -> T {
        try await withPool { pool in
            if OwnThread.isCurrent { return OwnThread.block { Result { try pool.read(body) } } }
            return await withCheckedContinuation { continuation in
                pool.asyncRead { result in
                    continuation.resume(returning: Result { try body(result.get()) })
                }
            }
        }
    }

    /// What a commit outlives; see docs/decisions/0012-commits.md.
    enum Durability: Sendable {
        /// A power cut as well, from the moment the write returns, with all that was committed before it.
        case powerCut
        /// The death of any process, and of all of them. A power cut may take it back until the next commit that outlives one.
        case death
    }

    /// What a commit is for, which decides what becomes of it when the disk is full.
    enum Purpose: Sendable {
        /// It brings something onto the disk. What is kept back for clean-up is not for it.
        case work
        /// It frees space, brings a job nearer to its end, or is small and overdue: ``LedgerReserve`` is for it.
        case cleaning
    }

    /// Runs `body` in one transaction, which is committed when this returns.
    func write<T: Sendable>(
        outliving durability: Durability = .powerCut,
        for purpose: Purpose = .work,
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(TempFileError) -> T {
        try admit(purpose)
        do throws(TempFileError) {
            return try await commit(outliving: durability, body)
        } catch {
            guard purpose == .cleaning, giveUpReserve(after: error) else { throw error }
        }
        return try await commit(outliving: durability, body)
    }

    /// Gives up what is kept back for clean-up, if `error` came from a full disk.
    ///
    /// - Returns: whether what failed can be tried again.
    func giveUpReserve(after error: TempFileError) -> Bool {
        guard Self.isFromFullDisk(error, reserve), reserve.giveUp() else { return false }
        logger.error(
            "the disk of the temp files is full; what the ledger kept back for clean-up is given up; free some space",
            metadata: [LogKey.cause: "\(error.message)"]
        )
        return true
    }

    /// SQLite has several words for it: a page that cannot be appended is another thing than a map of the log that cannot grow.
    private static func isFromFullDisk(_ error: TempFileError, _ reserve: LedgerReserve) -> Bool {
        if error.code == .ledgerFull || error.errno == ENOSPC || error.errno == EDQUOT { return true }
        return (error.code == .ledger || error.code == .fileSystem) && error.isRetriable
            && reserve.availableBytes < LedgerReserve.bytes
    }

    /// Whether what brings something onto the disk is written down now.
    var admitsWork: Bool { (try? admit(.work)) != nil }

    /// - Throws: ``TempFileError`` with code `ledgerFull` when what is free is to be left to clean-up.
    private func admit(_ purpose: Purpose) throws(TempFileError) {
        if reserve.isWhole || reserve.restore() || purpose == .cleaning { return }
        let free = reserve.availableBytes
        if free >= LedgerReserve.bytes { return }
        throw TempFileError(
            code: .ledgerFull,
            message: "the disk of TEMP_DIR is full: what is free (\(free) bytes) is left to clean-up; free some space",
            isRetriable: true
        )
    }

    private func commit<T: Sendable>(
        outliving durability: Durability,
        _ body: @escaping @Sendable (Database) throws -> T
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
    func writeBlocking<T>(
        outliving durability: Durability,
        _ body: (Database) throws -> T
    ) throws(TempFileError) -> T {
        try admit(.work)
        let pool = opened.withLock { $0.pool }
        do { return try pool.writeWithoutTransaction { try Self.inTransaction($0, durability, body) } } catch {
            throw TempFileError(ledger: error)
        }
    }

    /// Moves all of the write-ahead log into the database, and gives its space back unless the disk is nearly full: the log
    /// would have to ask for it again.
    func checkpointLog() async throws(TempFileError) {
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

    private static func inTransaction<T>(
        _ db: Database,
        _ durability: Durability,
        _ body: (Database) throws -> T
    ) throws -> T {
        // SQLite takes this as the word for the commits to come, and only between transactions.
        if durability == .powerCut { try db.execute(sql: "PRAGMA synchronous = FULL") }
        defer { if durability == .powerCut { try? db.execute(sql: "PRAGMA synchronous = NORMAL") } }
        try db.beginTransaction(.immediate)
        do {
            let value = try body(db)
            try db.commit()
            return value
        } catch {
            // SQLite has rolled back by itself after some errors; then there is nothing left to roll back.
            if db.isInsideTransaction { try? db.rollback() }
            throw error
        }
    }

    private func withPool<T: Sendable>(
        _ attempt: @Sendable (DatabasePool) async -> Result<T, any Error>
    ) async throws(TempFileError) -> T {
        let books = try await current(damaged: nil)
        switch await attempt(books.pool) {
        case .success(let value): return value
        case .failure(let error):
            let failure = TempFileError(ledger: error)
            if failure.code != .ledgerCorrupt { throw failure }
        }
        // The transaction did not happen. Once more, with new books.
        let fresh = try await current(damaged: books.identity)
        do { return try await attempt(fresh.pool).get() } catch { throw TempFileError(ledger: error) }
    }

    /// The open books, opened anew when their file is no longer the one at the path.
    private func current(damaged: FileIdentity?) async throws(TempFileError) -> Opened {
        let known = opened.withLock { $0 }
        if damaged == nil, try Self.identity(root) == known.identity { return known }
        return try await OwnThread.run { () throws(TempFileError) in
            let fresh = try Self.open(
                root: self.root,
                path: self.path,
                logger: self.logger,
                now: self.now,
                damaged: damaged
            )
            self.opened.withLock { $0 = fresh }
            if damaged == nil {
                self.logger.error("the ledger's file was replaced while in use; the one at its path is used now")
            }
            return fresh
        }
    }

    // MARK: - Opening

    /// One process, and one thread, at a time opens, migrates and sets aside.
    private static func open(
        root: RootedDirectory,
        path: String,
        logger: Logger,
        now: @Sendable () -> Date,
        damaged: FileIdentity?
    ) throws(TempFileError) -> Opened {
        let lock = try onFileSystem { () throws(FileSystemError) in
            try root.openFile(lockName, flags: O_RDWR | O_CREAT)
        }
        let failure = clinux_wait_for_lock(lock.descriptor)
        if failure != 0 {
            throw TempFileError(FileSystemError(operation: "lock", path: lockName, errno: failure))
        }
        defer { _ = clinux_unlock(lock.descriptor) }
        let found = try onFileSystem { () throws(FileSystemError) in try root.status(fileName) }
        if let found, found.kind != .file {
            try setAside(root, logger: logger, cause: "it is a \(found.kind)")
        } else if let found, FileIdentity(found) == damaged {
            try setAside(root, logger: logger, cause: "SQLite found it damaged")
        } else if found == nil {
            // What belongs to a database that is gone would be taken for a part of the next one.
            try onFileSystem { () throws(FileSystemError) in
                for suffix in companions { try root.removeFile(fileName + suffix) }
            }
        }
        do throws(TempFileError) {
            return try openDatabase(root: root, path: path, now: now)
        } catch  where error.code == .ledgerCorrupt {
            try setAside(root, logger: logger, cause: error.message)
            return try openDatabase(root: root, path: path, now: now)
        } catch {
            // The first process to open the books needs some room for the map of their log.
            let reserve = LedgerReserve(root: root)
            guard isFromFullDisk(error, reserve), reserve.giveUp() else { throw error }
            return try openDatabase(root: root, path: path, now: now)
        }
    }

    private static func openDatabase(
        root: RootedDirectory,
        path: String,
        now: @Sendable () -> Date
    ) throws(TempFileError) -> Opened {
        do {
            var configuration = Configuration()
            configuration.label = "ledger"
            configuration.busyMode = .callback(Self.waitForTurn)
            configuration.prepareDatabase { db in
                // SQLite's own 1000 pages, 4 MiB, are written in a fraction of a second, and the same pages over and over.
                try db.execute(sql: "PRAGMA wal_autocheckpoint = 4000")
                // No transaction needs room in another place.
                try db.execute(sql: "PRAGMA temp_store = MEMORY")
            }
            configuration.maximumReaderCount = 3
            let pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { db in
                // What every transaction may ask for, and what is usual without asking.
                try db.execute(sql: "PRAGMA synchronous = FULL")
                let level = try Int.fetchOne(db, sql: "PRAGMA synchronous")
                try db.execute(sql: "PRAGMA synchronous = NORMAL")
                let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode")
                guard level == 2, mode == "wal" else {
                    throw TempFileError(
                        code: .ledger,
                        message: "SQLite refuses WAL with synchronous=FULL on \(path) "
                            + "(journal_mode \(mode ?? "unknown"), synchronous \(level ?? -1)); "
                            + "TEMP_DIR must be on a local file system",
                        isRetriable: false
                    )
                }
            }
            try LedgerSchema.migrator(createdAt: now()).migrate(pool)
            guard let identity = try identity(root) else {
                throw TempFileError(code: .ledger, message: "\(path) vanished while opened", isRetriable: true)
            }
            return Opened(pool: pool, identity: identity)
        } catch {
            throw TempFileError(ledger: error)
        }
    }

    /// Called while another process writes. It sleeps, as SQLite tells nobody of the end of a transaction. Most are over in a
    /// fraction of a millisecond, the shortest that SQLite's own waiting knows; some wait for the disk; and under saturation a
    /// writer was seen to wait for 5.5 s.
    ///
    /// - Returns: false when it has waited for half a minute.
    private static func waitForTurn(_ tries: Int) -> Bool {
        usleep(tries < 50 ? 100 : 2000)
        return tries < 15_000
    }

    private static func identity(_ root: RootedDirectory) throws(TempFileError) -> FileIdentity? {
        try onFileSystem { () throws(FileSystemError) in try root.status(fileName) }.map { FileIdentity($0) }
    }

    /// Renames the database and what belongs to it. A process that has it open keeps it until its next operation; SQLite
    /// sees that the file moved, and leaves the new one's log alone when it closes.
    private static func setAside(_ root: RootedDirectory, logger: Logger, cause: String) throws(TempFileError) {
        var number = 1
        var target = "\(fileName).corrupt-\(number)"
        try onFileSystem { () throws(FileSystemError) in
            while try root.status(target) != nil {
                number += 1
                target = "\(fileName).corrupt-\(number)"
            }
            // The log first: were the database to go first and the rest be cut off, its log would meet the next one.
            for suffix in companions.reversed() where try root.status(fileName + suffix) != nil {
                try root.rename(fileName + suffix, to: target + suffix)
            }
        }
        logger.error(
            "the ledger is set aside and begun anew; jobs are taken up again from their messages",
            metadata: [LogKey.filePath: "\(root.path)/\(target)", LogKey.cause: "\(cause)"]
        )
    }
}

extension TempFileError {
    /// What SQLite answered.
    init(ledger error: any Error) {
        if let known = error as? TempFileError {
            self = known
            return
        }
        if let cause = error as? FileSystemError {
            self.init(cause)
            return
        }
        guard let cause = error as? DatabaseError else {
            self.init(code: .ledger, message: "the ledger failed: \(error)", isRetriable: false)
            return
        }
        let reason = "SQLite \(cause.extendedResultCode.rawValue): \(cause.message ?? "no reason given")"
        switch cause.resultCode {
        case .SQLITE_FULL:
            let message = "the disk of TEMP_DIR is full, so the ledger cannot be written (\(reason)); free some space"
            self.init(code: .ledgerFull, message: message, isRetriable: true)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            let message = "another process kept the ledger locked (\(reason)); it is tried again"
            self.init(code: .ledgerBusy, message: message, isRetriable: true)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(code: .ledgerCorrupt, message: "the ledger is damaged (\(reason))", isRetriable: true)
        case .SQLITE_IOERR, .SQLITE_NOMEM, .SQLITE_CANTOPEN, .SQLITE_PROTOCOL, .SQLITE_INTERRUPT, .SQLITE_READONLY:
            let message = "the ledger cannot be read or written (\(reason)); look at the disk of TEMP_DIR"
            self.init(code: .ledger, message: message, isRetriable: true)
        default:
            self.init(code: .ledger, message: "the ledger failed (\(reason))", isRetriable: false)
        }
    }
}

extension Database {
    /// As `execute`, with a statement that is compiled once for the connection: compiling costs more than most of them do.
    func run(sql: String, arguments: StatementArguments = StatementArguments()) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
