/// What the books say of age and of files that do not go away.
public struct LedgerAges: Sendable, Hashable {
    /// The job that has been on the books for longest without an end.
    public var oldestJob: JobKey?
    public var oldestJobAge: Duration?
    /// Of the file that has been on the books for longest.
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
