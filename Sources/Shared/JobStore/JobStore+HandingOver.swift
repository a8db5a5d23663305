package import JobModel
internal import Ledger
internal import TempFiles

extension JobStore {
    /// Takes a start back: the stage was drained, which is no fault of the job. Nothing happens when it was taken back
    /// before.
    ///
    /// - Parameter start: the number of the start, as ``StageStart/proceed(starts:progress:isCancelRequested:)`` told
    ///   it. Called under the lease that it was counted under.
    package func handBack(_ job: JobKey, stage: Stage, hop: Int64, start: Int) async throws(TempFileError) {
        let now = nowMilliseconds
        try await ledger.write(outliving: .death, for: .cleaning) {
            try $0.handBack(job, stage: stage, hop: hop, start: start, now: now)
        }
    }

    /// Takes a start back that ended with a failure, and records what the next one begins with.
    ///
    /// - Parameters:
    ///   - start: as of ``handBack(_:stage:hop:start:)``.
    ///   - attempt: retries of the stage, the next one included.
    package func willRetry(
        _ job: JobKey,
        stage: Stage,
        hop: Int64,
        start: Int,
        attempt: Int64,
        ticket: [UInt8]
    ) async throws(TempFileError) {
        let now = nowMilliseconds
        // Also on a full disk, which may be why: a try that is not counted is made for ever.
        try await ledger.write(for: .cleaning) { books in
            try books.handBack(job, stage: stage, hop: hop, start: start, now: now)
            try books.noteRetry(job, attempt: attempt, ticket: ticket)
        }
    }

    /// Records that the message for the next stage is confirmed. `hop` is that message's.
    package func handedOver(_ job: JobKey, to stage: Stage, hop: Int64) async throws(TempFileError) {
        let now = nowMilliseconds
        try await ledger.write(outliving: .death, for: .cleaning) {
            try $0.handedOver(job, to: stage, hop: hop, now: now)
        }
    }
}
