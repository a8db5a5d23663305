package import JobModel
internal import Ledger
internal import TempFiles

/// The ledger as a whole.
extension JobStore {
    /// Reads all of the ledger and looks for damage. A damaged ledger is set aside and begun anew; the files stay,
    /// until their jobs' messages have come back or would have.
    ///
    /// - Returns: whether the ledger was sound.
    @discardableResult
    package func checkLedger() async throws(TempFileError) -> Bool { try await ledger.check() }

    /// Moves the write-ahead log into the database and gives its space back. While readers keep it from that, the next
    /// call does it.
    package func truncateLedgerLog() async throws(TempFileError) { try await ledger.checkpointLog() }

    /// Adds to the time that process trees have run on this workspace and had the broker, by which finished jobs are
    /// remembered, and to that in which stages were served, by which the silence of jobs is measured.
    ///
    /// - Parameters:
    ///   - elapsed: since the last call, by a clock that does not jump.
    ///   - stages: how much of it each stage was served; those that are not listed were not. nil: all were, all the
    ///     time.
    package func addService(
        _ elapsed: Duration,
        stages: [ServedStage: Duration]? = nil
    ) async throws(TempFileError) {
        guard let all = Self.serviceMilliseconds(elapsed) else { return }
        let served = stages?.compactMapValues { Self.serviceMilliseconds($0) }
        try await ledger.write(for: .cleaning) { try $0.addService(all, stages: served) }
    }

    private static func serviceMilliseconds(_ elapsed: Duration) -> Int64? {
        let (seconds, attoseconds) = elapsed.components
        guard (0...(1 << 32)).contains(seconds), attoseconds >= 0 else { return nil }
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
