internal import CLinux
internal import Files
internal import FoundationEssentials
internal import GRDB
internal import Glibc
internal import JobModel
internal import Logging

extension Ledger {
    /// One process, and one thread, at a time opens, migrates and sets aside.
    static func open(
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
            // Files of a database that is gone would be taken for parts of the next one.
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
            // The first process to open the ledger needs some room for the map of its log.
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
                // SQLite's own 1000 pages, 4 MiB, are written in a fraction of a second, and the same pages over and
                // over.
                try db.execute(sql: "PRAGMA wal_autocheckpoint = 4000")
                // No transaction needs room in another place.
                try db.execute(sql: "PRAGMA temp_store = MEMORY")
            }
            configuration.maximumReaderCount = 3
            let pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { db in
                // The strongest durability, which any transaction may ask for; then the usual one.
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

    /// Called while another process writes. It sleeps, as SQLite tells nobody of the end of a transaction. Most are
    /// over in a fraction of a millisecond, the shortest that SQLite's own waiting knows; some wait for the disk, and
    /// are asked after at longer and longer intervals, as each of them costs processor time; and under saturation a
    /// writer was seen to wait for 5.5 s.
    ///
    /// - Returns: false when it has waited for half a minute.
    private static func waitForTurn(_ tries: Int) -> Bool {
        usleep(UInt32(min(100 + 50 * tries, 2000)))
        return tries < 15_000
    }

    static func identity(_ root: RootedDirectory) throws(TempFileError) -> FileIdentity? {
        try onFileSystem { () throws(FileSystemError) in try root.status(fileName) }.map { FileIdentity($0) }
    }
}
