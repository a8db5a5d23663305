internal import Files
internal import GRDB
internal import JobModel

extension TempFileError {
    /// The error for SQLite's answer.
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
