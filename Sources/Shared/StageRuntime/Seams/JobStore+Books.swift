package import JobModel
package import JobStore
package import TempFiles

extension JobLease: HeldLease {}

extension TempFileTracker: JobFiles {}

extension JobStore: JobBooks {
    package func enter(
        _ job: JobKey,
        _ message: StageMessage,
        patience: Duration
    ) async throws(TempFileError) -> JobEntry {
        switch try await enter(job, message, timeout: patience) {
        case .entered(let stage): .entered(EnteredJob(stage))
        case .held: .held
        case .stale(let hop): .stale(currentHop: hop)
        case .finished(let outcome): .finished(outcome)
        case .otherContent: .otherContent
        }
    }
}

extension JobStore: JobEndBooks {}

extension EnteredJob {
    fileprivate init(_ stage: EnteredStage) {
        self.init(lease: stage.lease, starts: stage.starts)
        isCancelRequested = stage.isCancelRequested
        news = stage.news
        wait = stage.wait
        files = stage.files
        hasCompressedFiles = stage.hasCompressedFiles
        hasSpilledFiles = stage.hasSpilledFiles
        deaths = stage.deaths
    }
}
