package import JobModel
internal import Ledger
internal import TempFiles

/// Claims of hosts that share a broker, and requests for jobs that no stage has seen.
extension JobStore {
    /// The last record of a log that this host has read; nil when it has read none.
    package func claimsPlace(of log: String) async throws(TempFileError) -> ClaimsPlace? {
        try await ledger.read { try $0.claimsPlace(log: log) }
    }

    /// Has the log read again from its beginning.
    ///
    /// - Parameter isAnother: whether it is known to be another log than the one that was read.
    package func restartClaims(
        of log: String,
        kind: MediaKind,
        isAnother: Bool = false
    ) async throws(TempFileError) {
        try await ledger.write(outliving: .death, for: .cleaning) {
            try $0.restartClaims(log: log, kind: kind, isAnother: isAnother)
        }
    }

    /// Whether this host has no room for another job of this kind: one waits for space, or nothing new can be written
    /// down.
    package func isShortOfSpace(for kind: MediaKind) async throws(TempFileError) -> Bool {
        guard ledger.admitsWork else { return true }
        return try await ledger.read { try $0.isAnyWaitingForSpace(kind) }
    }

    /// The host that has claimed the message of a job with this run and hop, or a later one of that job, as far as the
    /// log was read.
    package func claimant(of job: JobKey, redrives: Int64, hop: Int64) async throws(TempFileError) -> String? {
        try await ledger.read { try $0.claimant(job, redrives: redrives, hop: hop) }
    }

    /// The claim of the job that stands, as far as the log was read.
    package func claim(of job: JobKey) async throws(TempFileError) -> JobClaim? {
        try await ledger.read { try $0.standing(job)?.claim }
    }

    /// Notes records in the order of the log. Any number of processes may note the same ones.
    ///
    /// - Parameters:
    ///   - after: what the reader had read before.
    ///   - through: the last that it has read now, whether it could be understood or not.
    ///   - mark: of the message there.
    ///   - node: this host.
    package func noteClaims(
        _ records: [ClaimRecord],
        of log: String,
        after: Int64,
        through: Int64,
        mark: [UInt8] = [],
        node: String
    ) async throws(TempFileError) -> ClaimsReading {
        if !records.contains(where: { $0.content == .wish }),
            let known = try await claimsPlace(of: log)?.position, known >= through
        {
            return .noted(wishes: [])
        }
        let now = nowMilliseconds
        // Records that a power cut takes back are read again.
        return try await ledger.write(outliving: .death) { books in
            try books.note(
                records,
                log: log,
                after: after,
                through: through,
                mark: mark,
                node: node,
                now: now
            )
        }
    }

    /// Forgets claims and wishes that are older than `retention` in time of service.
    ///
    /// - Returns: how many.
    @discardableResult
    package func forgetClaims(olderThan retention: Duration) async throws(TempFileError) -> Int {
        let age = retention.clampedMilliseconds
        return try await ledger.write(outliving: .death, for: .cleaning) { try $0.pruneClaims(age: age) }
    }
}
