internal import JobModel
internal import Ledger
internal import Logging
internal import TempFiles

extension StageMessage {
    /// Clean-up frees space, and so does an upload, whose outputs go as soon as they are published.
    var purpose: Ledger.Purpose { stage == .cleanup || stage == .upload ? .cleaning : .work }
}

/// A disk that other programs have filled entirely.
extension JobStore {
    /// The lease alone, also where not even the place for its file is to be had but from what is kept back.
    func lock(_ job: JobKey, _ message: StageMessage, timeout: Duration) async throws(TempFileError)
        -> TempFileTracker.Lock
    {
        do throws(TempFileError) {
            return try await files.lock(job, run: message.run, timeout: timeout, for: message.purpose)
        } catch {
            guard message.purpose == .cleaning, ledger.giveUpReserve(after: error) else { throw error }
        }
        return try await files.lock(job, run: message.run, timeout: timeout, for: message.purpose)
    }

    /// Begins a stage. When a clean-up cannot be written down, not even with what is kept back, the files go first:
    /// that is what makes room, and the stage would do nothing else with them. Called under the job's lease.
    func beginFreeingSpace(_ job: JobKey, _ message: StageMessage) async throws(TempFileError) -> Books.Start {
        do throws(TempFileError) {
            return try await countStart(of: job, message)
        } catch {
            guard error.code == .ledgerFull, message.stage == .cleanup, try await removeAhead(job, message) else {
                throw error
            }
        }
        return try await countStart(of: job, message)
    }

    /// - Returns: false for a message that would not begin the clean-up either, or when there was nothing to remove.
    private func removeAhead(_ job: JobKey, _ message: StageMessage) async throws(TempFileError) -> Bool {
        let (row, numbers) = try await ledger.read { books in
            let row = try books.job(job)
            return (row, try row.map { try books.fileNumbers(job: $0.number) } ?? [:])
        }
        if let row {
            guard row.end == nil, row.record.hop <= message.hop, row.record.redrives <= message.run.redrives else {
                return false
            }
        }
        logger.warning(
            "the disk is full, and the ledger cannot be written: the job's files are removed first",
            metadata: Logger.Metadata(job: job)
        )
        return try await files.removeAhead(of: job, tracked: numbers).filesCleaned > 0
    }
}
