package import JobModel
internal import Ledger
internal import TempFiles

extension JobStore {
    /// Notes how a worker's process ended. If it had a job, and neither handed that over nor gave it back, its death is
    /// an event of the job.
    ///
    /// - Parameter cause: such as `signal 9 (SIGKILL)`.
    /// - Returns: the jobs that it had.
    @discardableResult
    package func noteEnd(of worker: WorkerLife, cause: String) async throws(TempFileError) -> [JobKey] {
        try await ledger.write(outliving: .death, for: .cleaning) { try $0.noteEnd(of: worker, cause: cause) }
    }
}
