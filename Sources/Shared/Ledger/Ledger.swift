package import Files
package import FoundationEssentials
internal import GRDB
package import JobModel
package import Logging
internal import Synchronization

/// The ledger of the workspace: SQLite in WAL mode, shared by all processes of the host. Every SQL statement is in
/// ``Books``, which a transaction hands out.
///
/// No operation follows the cancellation of the task that asks for it: a worker that drains must still be able to write
/// what it knows.
package final class Ledger: Sendable {
    package static let fileName = "ledger.sqlite"
    package static let lockName = "ledger.lock"
    /// The files of a SQLite database in WAL mode, as suffixes of its name.
    static let companions = ["", "-wal", "-shm"]

    /// An open database, and the file it is. When the path names another file, the ledger was set aside or deleted.
    struct Opened: Sendable {
        var pool: DatabasePool
        var identity: FileIdentity
    }

    /// The wall clock, for records.
    package let now: @Sendable () -> Date
    let reserve: LedgerReserve
    let root: RootedDirectory
    let path: String
    let logger: Logger
    let opened: Mutex<Opened>

    /// Opens the ledger, and begins it where there is none. A ledger that cannot be read is set aside. Blocks.
    ///
    /// - Parameters:
    ///   - root: the directory that the ledger is in.
    ///   - directory: its absolute path.
    package init(
        root: RootedDirectory,
        directory: String,
        logger: Logger,
        now: @escaping @Sendable () -> Date
    ) throws(TempFileError) {
        self.now = now
        self.logger = logger
        self.root = root
        reserve = LedgerReserve(root: root)
        path = directory + "/" + Self.fileName
        opened = Mutex(try Self.open(root: root, path: path, logger: logger, now: now, damaged: nil))
        if !reserve.restore() {
            logger.warning(
                "the disk has no room for what the ledger keeps back for clean-up; free some space",
                metadata: [LogKey.filePath: "\(directory)/\(LedgerReserve.fileName)"]
            )
        }
    }

    /// Milliseconds since 1970 by the wall clock.
    package var nowMilliseconds: Int64 { now().milliseconds }
}
