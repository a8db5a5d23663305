internal import AMQP
internal import CrashPoints
internal import JobModel
internal import Logging
internal import StageRuntime
internal import TempFiles

/// Tells the end of a job: publishes the terminal update and acknowledges the job's message, as one, or on quorum
/// queues one after the other.
struct Announcement: Sendable {
    let job: EndingJob
    /// As the ledger has it. It belongs to this job's message.
    let end: JobRecord
    /// As it was recorded at the end.
    let ticket: Ticket

    /// Returns when the end is told, or when the broker will deliver the message again by itself.
    ///
    /// - Throws: `CancellationError` when the worker drains while the broker takes no messages. Nothing has happened
    ///   then. `AMQPError` with the code `unconfirmed` when the message is to be given back, to announce the end again.
    func make() async throws {
        guard try await isSent() else { return }
        CrashPoint.endCommitted.cross()
        do {
            try await job.books.noteAnnounced(end, keeping: end.record.flatMap { ticket.kept(insteadOf: $0) })
        } catch {
            // The broker may forget an acknowledgement when it dies; only then is the end told twice.
            job.logger.warning("not recorded that the job's end is announced", metadata: [LogKey.cause: "\(error)"])
        }
        CrashPoint.endNoted.cross()
        if !job.usesTransactions { await job.acknowledge() }
        let outcome = end.outcome ?? .completed
        job.count(outcome)
        job.logger.info("the job ended", metadata: [LogKey.jobOutcome: "\(outcome.rawValue)"])
    }

    /// - Returns: false when nothing is left to do for this delivery.
    private func isSent() async throws -> Bool {
        var (failures, isShort) = (0, false)
        while true {
            if failures > 0, try await job.books.job(job.key)?.finishToken != job.token {
                await job.drop("another message announces the job's end")
                return false
            }
            let letters = letters(isShort: isShort)
            do {
                try await send(letters)
                return true
            } catch let error {
                failures += 1
                switch AnnouncementPolicy.decide(error.code, isTransaction: job.usesTransactions, isShort: isShort) {
                case .giveUp: throw error
                case .leaveToBroker:
                    job.logger.notice(
                        "the end of the job was not announced, or not confirmed; the broker will deliver again if not",
                        metadata: [LogKey.cause: "\(error.message)"]
                    )
                    return false
                case .publishRest:
                    for letter in letters where letter.queue.name == error.queue { try await job.publish(letter) }
                    return true
                case .makeQueues:
                    for letter in letters { try? await job.declare(letter.queue) }
                    try await job.clock.pause(afterFailures: failures)
                case .shorten:
                    job.logger.error(
                        "the job's end is announced in short",
                        metadata: [LogKey.cause: "\(error.message)"]
                    )
                    isShort = true
                case .tryAgain:
                    job.logger.log(
                        level: failures == 1 ? .warning : .debug,
                        "the job's end is not announced yet, trying again until it is",
                        metadata: [LogKey.cause: "\(error.message)"]
                    )
                    try await job.clock.pause(afterFailures: failures)
                }
            }
        }
    }

    private func letters(isShort: Bool) -> [EndingJob.Letter] {
        let letters = EndLetters(end: end, ticket: ticket)
        let update = EndingJob.Letter(letters.update(isShort: isShort), to: job.updatesQueue)
        let deadLetter = letters.deadLetter(isShort: isShort).map { EndingJob.Letter($0, to: job.deadQueue) }
        return [update] + [deadLetter].compactMap(\.self)
    }

    private func send(_ letters: [EndingJob.Letter]) async throws(AMQPError) {
        if job.usesTransactions { return try await job.commit(publishing: letters) }
        // The update last: once it is out, little is left to do.
        for letter in letters.reversed() { try await job.publishOnce(letter) }
    }
}

/// Decides how to go on when the end of a job was not announced. Pure.
enum AnnouncementPolicy: Sendable, Hashable {
    /// The message is given back. It comes again, finds the end not announced, and announces it.
    case giveUp
    /// The message is no longer ours, or not known to be: the broker delivers it again if nothing happened.
    case leaveToBroker
    /// All is done but what no queue took, which is published alone.
    case publishRest
    /// Nothing happened; the queues are made, and all of it is tried again.
    case makeQueues
    /// The letters are made as short as they can be.
    case shorten
    /// The message is still ours, so nobody else will announce the end.
    case tryAgain

    /// - Parameters:
    ///   - isTransaction: the letters were published and the message acknowledged in one transaction.
    ///   - isShort: the letters are as short as they can be.
    static func decide(_ code: AMQPError.Code, isTransaction: Bool, isShort: Bool) -> AnnouncementPolicy {
        switch code {
        case .unconfirmed where !isTransaction: .giveUp
        case .staleDelivery, .unconfirmed, .alreadySettled, .closed: .leaveToBroker
        case .unroutableAfterCommit: .publishRest
        case .unroutable: .makeQueues
        case .invalidArgument where !isShort: .shorten
        default: .tryAgain
        }
    }
}
