internal import Files
package import FoundationEssentials
internal import Glibc
package import JobModel
package import Ledger
package import Logging
internal import Synchronization

/// Knows every temp file of every job of this host, in all processes, and removes them.
///
/// A file is in the ledger before it exists, so whatever is not in the ledger is not ours; a file leaves the ledger
/// after it is gone. Nothing outside the workspace is ever touched, whatever a message says.
package final class TempFileTracker: Sendable {
    package let workspace: Workspace
    package let ledger: Ledger
    package let logger: Logger
    /// The level of lines about a single file.
    package let fileLevel: Logger.Level
    /// `SPILL_URL`: beneath it alone are objects that a message may name; nil: no message may name any.
    let spillStore: String?
    let registry = LeaseRegistry()
    let counters = Mutex(CleaningCounters())

    init(
        workspace: Workspace,
        ledger: Ledger,
        spillStore: String? = nil,
        fileLevel: Logger.Level,
        logger: Logger
    ) {
        self.spillStore = spillStore
        self.fileLevel = fileLevel
        self.workspace = workspace
        self.ledger = ledger
        self.logger = logger
    }

    /// Opens the workspace and its ledger, and makes what is missing. Any number of processes may do so at once.
    ///
    /// Blocks for a moment; call it while the process starts.
    ///
    /// - Parameters:
    ///   - spillStore: `SPILL_URL`, for files that other hosts have spilled.
    ///   - fileLevel: of the lines that tell what is done with a single file.
    ///   - now: the wall clock, for records and for the age of unknown files.
    package static func open(
        temporaryDirectory: String,
        spillStore: String? = nil,
        fileLevel: Logger.Level = .info,
        logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws(TempFileError) -> TempFileTracker {
        let workspace = try Workspace.open(temporaryDirectory: temporaryDirectory)
        let ledger = try Ledger(root: workspace.root, directory: workspace.path, logger: logger, now: now)
        return TempFileTracker(
            workspace: workspace,
            ledger: ledger,
            spillStore: spillStore,
            fileLevel: fileLevel,
            logger: logger
        )
    }

    package var nowMilliseconds: Int64 { ledger.nowMilliseconds }
}
