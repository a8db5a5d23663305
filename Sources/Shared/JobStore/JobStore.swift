internal import JobModel
internal import Ledger
internal import Logging
package import TempFiles

/// The lives of the jobs of this host, in all processes: entered by a stage, handed over, retried, ended, cancelled,
/// listed.
///
/// It stands in the ledger that a ``TempFileTracker`` has open, as a job and its files change in the same transactions.
package struct JobStore: Sendable {
    /// The files of these jobs.
    package let files: TempFileTracker

    package init(files: TempFileTracker) { self.files = files }

    var ledger: Ledger { files.ledger }
    var logger: Logger { files.logger }
    var nowMilliseconds: Int64 { ledger.nowMilliseconds }
}

extension TempFileTracker {
    /// The jobs whose files these are.
    package var jobs: JobStore { JobStore(files: self) }
}
