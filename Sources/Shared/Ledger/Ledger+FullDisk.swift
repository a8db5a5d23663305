internal import Glibc
package import JobModel
internal import Logging

/// A disk that others have filled.
extension Ledger {
    /// Gives up what is kept back for clean-up, if `error` came from a full disk.
    ///
    /// - Returns: whether what failed can be tried again.
    package func giveUpReserve(after error: TempFileError) -> Bool {
        guard Self.isFromFullDisk(error, reserve), reserve.giveUp() else { return false }
        logger.error(
            "the disk of the temp files is full; what the ledger kept back for clean-up is given up; free some space",
            metadata: [LogKey.cause: "\(error.message)"]
        )
        return true
    }

    /// SQLite has several words for it: a page that cannot be appended is another thing than a map of the log that
    /// cannot grow.
    static func isFromFullDisk(_ error: TempFileError, _ reserve: LedgerReserve) -> Bool {
        if error.code == .ledgerFull || error.errno == ENOSPC || error.errno == EDQUOT { return true }
        return (error.code == .ledger || error.code == .fileSystem) && error.isRetriable
            && reserve.availableBytes < LedgerReserve.bytes
    }

    /// Whether what brings something onto the disk is written down now.
    package var admitsWork: Bool { (try? admit(.work)) != nil }

    /// - Throws: ``TempFileError`` with code `ledgerFull` when what is free is to be left to clean-up.
    func admit(_ purpose: Purpose) throws(TempFileError) {
        if reserve.isWhole || reserve.restore() || purpose == .cleaning { return }
        let free = reserve.availableBytes
        if free >= LedgerReserve.bytes { return }
        throw TempFileError(
            code: .ledgerFull,
            message: "the disk of TEMP_DIR is full: what is free (\(free) bytes) is left to clean-up; free some space",
            isRetriable: true
        )
    }
}
