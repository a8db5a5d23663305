internal import FoundationEssentials
public import JobModel

extension TempFileTracker {
    /// Notes how a worker's process ended. If it had a job, and neither handed that over nor gave it back, its death is an event
    /// of the job.
    ///
    /// - Parameter cause: such as `signal 9 (SIGKILL)`.
    /// - Returns: the jobs that it had.
    @discardableResult
    public func noteEnd(of worker: WorkerLife, cause: String) async throws(TempFileError) -> [JobKey] {
        try await ledger.write(outliving: .death, for: .cleaning) { try Ledger.noteEnd($0, of: worker, cause: cause) }
    }

    /// A longer source is not on the books, so nothing is found by it.
    public static let maximumSourceBytes = 4096
}

extension Ticket {
    /// Why a stage is tried again after its worker has died.
    public static let workerDiedCode = "worker_died"

    /// Puts deaths of workers into the history, in the order of their times. What is there already is told anew: by now the cause
    /// may be known.
    ///
    /// - Parameter host: that they died on.
    public mutating func note(deaths: [JobEvent], host: String) {
        for death in deaths {
            guard let stage = death.stage else { continue }
            let failure = JobFailure(
                stage: stage,
                code: Self.workerDiedCode,
                message: death.detail.map { "the worker died: \($0)" } ?? "the worker died",
                occurredAt: Timestamp.string(death.at),
                host: host
            )
            note(failure) { $0.stage == stage && $0.code.utf8.elementsEqual(Self.workerDiedCode.utf8) }
        }
    }
}
