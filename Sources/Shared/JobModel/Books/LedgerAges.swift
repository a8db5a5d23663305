/// The ages of the oldest job and file, and the number of files that cannot be removed.
public struct LedgerAges: Sendable, Hashable {
    /// The job that has been in the ledger for longest without an end.
    public var oldestJob: JobKey?
    public var oldestJobAge: Duration?
    /// The age of the file that has been in the ledger for longest.
    public var oldestFileAge: Duration?
    /// Files whose removal has failed.
    public var stuckFiles: Int

    public init(
        oldestJob: JobKey? = nil,
        oldestJobAge: Duration? = nil,
        oldestFileAge: Duration? = nil,
        stuckFiles: Int = 0
    ) {
        self.oldestJob = oldestJob
        self.oldestJobAge = oldestJobAge
        self.oldestFileAge = oldestFileAge
        self.stuckFiles = stuckFiles
    }
}
