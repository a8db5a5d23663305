/// The ages of the oldest job and file, and the number of files that cannot be removed.
package struct LedgerAges: Sendable, Hashable {
    /// The job that has been in the ledger for longest without an end.
    package var oldestJob: JobKey?
    package var oldestJobAge: Duration?
    /// The age of the file that has been in the ledger for longest.
    package var oldestFileAge: Duration?
    /// Files whose removal has failed.
    package var stuckFiles: Int

    package init(
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
