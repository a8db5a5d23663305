internal import CrashPoints
internal import JobModel

/// One step of a settlement. Each is done, and durable where it writes, before the next one begins: the successor is
/// confirmed before the ledger moves on, and the message is acknowledged last. So whoever dies in between leaves a
/// message that brings the job back. See docs/decisions/0020-the-run-of-a-job.md.
struct SettlementStep: Sendable, Hashable {
    enum Action: Sendable, Hashable {
        /// Tells clients that the stage is done, and reads the manifest with it.
        case announceCompletion(Ticket)
        /// Tells clients that the job goes on, if it has waited.
        case announceGoingOn
        /// Tells clients that the job waits, unless they know.
        case announceWaiting(JobWait, delayMilliseconds: Int)
        /// Takes the manifest from the ledger, if it was not read yet.
        case readManifest
        /// Gives the ticket, with the manifest, to another stage, and waits for the confirm.
        case publish(Ticket, to: Stage)
        /// Takes the start back and records the ticket of the next try.
        case recordRetry(Ticket)
        /// Has the ticket delivered to this stage again after a delay, and waits for the confirm.
        case publishRetry(Ticket, delayMilliseconds: Int)
        /// Records which message has the job now.
        case recordHandOver(to: Stage, hop: Int64)
        case releaseLease
        /// The lease goes with the process, as its work goes on.
        case leaveLease
        case acknowledge
        /// Records the end and announces it, which settles the message as well.
        case endJob(Ticket)
        case count(Counter)
    }

    enum Counter: Sendable, Hashable {
        case completed, failed, retried
    }

    var action: Action
    /// Crossed when the step is done.
    var crossing: CrashPoint?

    private init(_ action: Action, _ crossing: CrashPoint? = nil) {
        self.action = action
        self.crossing = crossing
    }

    /// The facts that are known where a settlement is carried out.
    struct Facts: Sendable, Hashable {
        var stage: Stage
        /// This host, in tickets.
        var node: String
        /// A watch ticket of the same hop may be about.
        var mayBeWatched = false
        /// The work goes on, so its lease stays until the process ends.
        var isLeftBehind = false
    }

    static func steps(of settlement: Settlement, _ facts: Facts) -> [SettlementStep] {
        switch settlement {
        case .handOver(let ticket, let next):
            [Self(.announceCompletion(ticket), .completionAnnounced)] + passing(ticket, to: next, facts)
                + [Self(.count(.completed))]
        case .end(let ticket):
            [Self(.endJob(ticket)), Self(.count(.completed))]
        case .endUnfinished(let ticket):
            [Self(.announceGoingOn), Self(.count(.failed)), Self(.endJob(ticket))]
        case .retry(let ticket, let delay):
            [Self(.announceGoingOn)] + retrying(ticket, delay, facts) + [Self(.count(.retried))]
        case .waitForSpace(let ticket, let delay):
            [Self(.announceWaiting(.space, delayMilliseconds: delay))] + retrying(ticket, delay, facts)
        case .waitForOtherJob(let ticket, let delay):
            [Self(.announceWaiting(.otherJob, delayMilliseconds: delay))] + retrying(ticket, delay, facts)
        case .waitForHost(let ticket, let delay):
            [Self(.announceGoingOn)] + retrying(ticket, delay, facts)
        case .backToDownload(let ticket):
            [Self(.announceGoingOn)] + passing(ticket, to: .download, facts)
        case .fail(let ticket):
            [Self(.announceGoingOn), Self(.count(.failed))] + passing(ticket, to: .cleanup, facts)
        case .cancel(let ticket):
            passing(ticket, to: .cleanup, facts)
        }
    }

    private static func passing(_ ticket: Ticket, to next: Stage, _ facts: Facts) -> [SettlementStep] {
        var ticket = ticket
        ticket.attempt = 0
        ticket.waitedSeconds = 0
        ticket.waitingFor = nil
        ticket.hop = Ticket.counted(ticket.hop)
        ticket.node = facts.node
        return [
            Self(.readManifest),
            Self(.publish(ticket, to: next), .handOverConfirmed),
            Self(.recordHandOver(to: next, hop: ticket.hop), .handOverRecorded),
            Self(facts.isLeftBehind ? .leaveLease : .releaseLease, .leaseReleased),
            Self(.acknowledge, .acknowledged),
        ]
    }

    private static func retrying(_ ticket: Ticket, _ delay: Int, _ facts: Facts) -> [SettlementStep] {
        var next = ticket
        // A watch ticket that is still about must not be taken for the retry.
        if facts.mayBeWatched { next.hop = Ticket.counted(next.hop) }
        let overtaking =
            facts.mayBeWatched ? [Self(.recordHandOver(to: facts.stage, hop: next.hop), .retryOvertook)] : []
        // Not a death of the worker, so it does not count as one. If the broker does not take the message, the job goes
        // back to its queue, and nothing is left to take back.
        return [
            Self(.recordRetry(ticket), .retryRecorded),
            Self(.publishRetry(next, delayMilliseconds: delay), .retryConfirmed),
        ] + overtaking + [Self(.releaseLease), Self(.acknowledge)]
    }
}
