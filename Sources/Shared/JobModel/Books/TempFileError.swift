/// Why an operation on temp files or on the ledger failed.
public struct TempFileError: Error, Sendable, CustomStringConvertible {
    /// An open set: a receiver that does not know a code reads ``isRetriable``.
    public struct Code: RawRepresentable, Sendable, Hashable {
        public var rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The workspace directory cannot be made or is not safe to use.
        public static let workspaceUnusable = Code(rawValue: "workspace_unusable")
        /// A file name that leaves the job's directory, or that is reserved.
        public static let invalidName = Code(rawValue: "invalid_name")
        /// A path that is not in the job's own directory.
        public static let foreignPath = Code(rawValue: "foreign_path")
        /// A tracked file is not there.
        public static let missingFile = Code(rawValue: "missing_file")
        /// A call to the file system failed.
        public static let fileSystem = Code(rawValue: "file_system")
        /// The ledger's disk is full.
        public static let ledgerFull = Code(rawValue: "ledger_full")
        /// Another process kept the ledger locked for too long.
        public static let ledgerBusy = Code(rawValue: "ledger_busy")
        /// The ledger's file is damaged. It is set aside and begun anew, so trying again helps.
        public static let ledgerCorrupt = Code(rawValue: "ledger_corrupt")
        /// Any other failure of the ledger.
        public static let ledger = Code(rawValue: "ledger")
        /// The operation needs the job's lease, and this process does not hold it.
        public static let leaseNotHeld = Code(rawValue: "lease_not_held")
        /// The job is finished; nothing more may be added to it.
        public static let jobFinished = Code(rawValue: "job_finished")
        /// More files than a job's messages can name.
        public static let tooManyFiles = Code(rawValue: "too_many_files")
        /// The job has a file of this name in the ledger.
        public static let nameTaken = Code(rawValue: "name_taken")
        /// The disk budget leaves no room for what a job wants to write.
        public static let noSpace = Code(rawValue: "no_space")
        /// Another process of this host is sweeping.
        public static let sweepInProgress = Code(rawValue: "sweep_in_progress")
        /// An abandoned job could not be given to its clean-up stage.
        public static let notEnded = Code(rawValue: "not_ended")
        /// The waiting task was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")
    }

    public var code: Code
    /// The cause, and what to do.
    public var message: String
    /// Whether the same call can succeed later without anybody changing the input.
    public var isRetriable: Bool
    /// The kernel's answer, when a system call failed.
    public var errno: CInt?

    public init(code: Code, message: String, isRetriable: Bool, errno: CInt? = nil) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.errno = errno
    }

    public var description: String { message }
}
