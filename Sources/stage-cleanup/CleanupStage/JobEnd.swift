internal import CrashPoints
internal import JobModel
internal import Logging
internal import StageRuntime
internal import TempFiles

/// Ends a job whose files are gone, or whose clean-up was given up: in the ledger first, then for clients, who are told
/// of files that may be left.
///
/// The ledger remembers the job as finished. The terminal update, the dead letter of a failed job and the
/// acknowledgement are one broker transaction, so a worker that dies has done all of it or none. Then the ledger
/// remembers that the end is announced. A message that finds it finished and not announced says the same again, to the
/// byte. See docs/decisions/0002-end-of-a-job.md.
struct JobEnd: Sendable {
    let job: EndingJob

    /// How long the message that ended a job is waited for, before another one takes its place.
    static let announcementPatience = Duration.seconds(20)

    /// Records the end, and announces it.
    func record() async throws {
        let (ticket, outcome) = (job.ticket, job.ticket.outcome ?? .completed)
        var record = ticket.atEnd(outcome)
        // Those that were published are removed, or about to be.
        if outcome != .completed { (record.outputs, record.resultKey) = ([], nil) }
        let bytes = record.json.serialized()
        let end = try await job.books.end(
            job.key,
            outcome: outcome,
            token: job.token,
            record: bytes,
            progress: outcome == .completed ? JobProgress(percent: 100, step: UpdateStep.completed(.cleanup)) : nil
        )
        guard let end else {
            await job.drop("another message ends this job; the duplicate was dropped")
            return
        }
        CrashPoint.endRecorded.cross()
        try await meet(end, recorded: end.record == bytes ? record : nil)
    }

    /// Settles a message whose job the ledger knows as finished.
    func meetFinished(_ outcome: JobOutcome) async throws {
        guard let end = try await job.books.job(job.key), end.state == .finished else {
            return await job.dropFinished(outcome)
        }
        try await meet(end)
    }

    /// - Parameter recorded: the ticket that was recorded at the end, if it need not be read.
    private func meet(_ end: JobRecord, recorded: Ticket? = nil) async throws {
        guard end.announcedAt == nil else { return await job.dropFinished(end.outcome) }
        // The message that ended the job announces it, now or when it is delivered again. It may be gone all the same:
        // a broker that dies has delivered messages that it had not stored. Their publisher heard no confirm, and sent
        // another one.
        if end.finishToken != job.token {
            let patience = Self.announcementPatience
            guard try await job.books.takeOverEnd(end, token: job.token, after: patience) else {
                job.logger.info("another message ended the job and has not announced it; looking again later")
                return try await job.park()
            }
            job.logger.warning("the message that ended the job was lost with a broker; this one announces the end")
        }
        try await Announcement(job: job, end: end, ticket: recorded ?? end.finalTicket(job.kind)).make()
    }
}

extension Ticket {
    /// The ticket as it is recorded at the end.
    fileprivate func atEnd(_ outcome: JobOutcome) -> Ticket {
        var record = self
        record.outcome = outcome
        if outcome != .failed { record.failure = nil }
        record.previousPhase = .cleanup
        record.phase = outcome == .completed ? .completed : .failed
        record.tempFiles = []
        return record
    }
}

extension JobRecord {
    /// The ticket as it was recorded at the end.
    fileprivate func finalTicket(_ kind: MediaKind) -> Ticket {
        let recorded = record.flatMap { try? Ticket(parsing: $0, expecting: kind) }
        var ticket = recorded ?? Ticket(id: id, mediaID: mediaID, kind: kind)
        ticket.outcome = outcome
        return ticket
    }
}
