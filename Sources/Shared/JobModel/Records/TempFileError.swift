/// Why an operation on temp files or on the ledger failed.
package struct TempFileError: Error, Sendable, CustomStringConvertible {
    /// An open set: a receiver that does not know a code reads ``isRetriable``.
    package struct Code: RawRepresentable, Sendable, Hashable {
        package var rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// The workspace directory cannot be made or is not safe to use.
        package static let workspaceUnusable = Code(rawValue: "workspace_unusable")
        /// A file name that leaves the job's directory, or that is reserved.
        package static let invalidName = Code(rawValue: "invalid_name")
        /// A path that is not in the job's own directory.
        package static let foreignPath = Code(rawValue: "foreign_path")
        /// A tracked file is not there.
        package static let missingFile = Code(rawValue: "missing_file")
        /// A call to the file system failed.
        package static let fileSystem = Code(rawValue: "file_system")
        /// The ledger's disk is full.
        package static let ledgerFull = Code(rawValue: "ledger_full")
        /// Another process kept the ledger locked for too long.
        package static let ledgerBusy = Code(rawValue: "ledger_busy")
        /// The ledger's file is damaged. It is set aside and begun anew, so trying again helps.
        package static let ledgerCorrupt = Code(rawValue: "ledger_corrupt")
        /// Any other failure of the ledger.
        package static let ledger = Code(rawValue: "ledger")
        /// The operation needs the job's lease, and this process does not hold it.
        package static let leaseNotHeld = Code(rawValue: "lease_not_held")
        /// The job is finished; nothing more may be added to it.
        package static let jobFinished = Code(rawValue: "job_finished")
        /// More files than a job's messages can name.
        package static let tooManyFiles = Code(rawValue: "too_many_files")
        /// The job has a file of this name in the ledger.
        package static let nameTaken = Code(rawValue: "name_taken")
        /// The disk budget leaves no room for what a job wants to write.
        package static let noSpace = Code(rawValue: "no_space")
        /// Another process of this host is sweeping.
        package static let sweepInProgress = Code(rawValue: "sweep_in_progress")
        /// An abandoned job could not be given to its clean-up stage.
        package static let notEnded = Code(rawValue: "not_ended")
        /// The waiting task was cancelled.
        package static let cancelled = Code(rawValue: "cancelled")
    }

    package var code: Code
    /// The cause, and what to do.
    package var message: String
    /// Whether the same call can succeed later without anybody changing the input.
    package var isRetriable: Bool
    /// The kernel's answer, when a system call failed.
    package var errno: CInt?

    package init(code: Code, message: String, isRetriable: Bool, errno: CInt? = nil) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.errno = errno
    }

    package var description: String { message }
}
