internal import Files
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import Synchronization
internal import Threads

/// A ledger whose file was damaged, replaced or deleted.
extension Ledger {
    /// The open database, opened again when its file is no longer the one at the path.
    func current(damaged: FileIdentity?) async throws(TempFileError) -> Opened {
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

    /// Renames the database and what belongs to it. A process that has it open keeps it until its next operation;
    /// SQLite sees that the file moved, and leaves the new one's log alone when it closes.
    static func setAside(_ root: RootedDirectory, logger: Logger, cause: String) throws(TempFileError) {
        var number = 1
        var target = "\(fileName).corrupt-\(number)"
        try onFileSystem { () throws(FileSystemError) in
            while try root.status(target) != nil {
                number += 1
                target = "\(fileName).corrupt-\(number)"
            }
            // The log goes first. If the database went first and a crash followed, its log would be replayed into the
            // next database.
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
