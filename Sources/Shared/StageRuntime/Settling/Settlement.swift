internal import CrashPoints
internal import JobModel

/// The consequence of the outcome of a stage's work. Pure: ``Settler`` carries it out.
enum Settlement: Sendable, Hashable {
    /// The next stage gets the job.
    case handOver(Ticket, to: Stage)
    /// The stage ends the job, whose work is done.
    case end(Ticket)
    /// The stage ends the job, and its work was given up: files stay in the ledger. Clients still learn how the job
    /// ended.
    case endUnfinished(Ticket)
    /// The stage tries again after a delay.
    case retry(Ticket, delayMilliseconds: Int)
    /// The same, which costs no attempt.
    case waitForSpace(Ticket, delayMilliseconds: Int)
    /// As ``waitForSpace(_:delayMilliseconds:)``, for another job that puts objects under the same keys.
    case waitForOtherJob(Ticket, delayMilliseconds: Int)
    /// As ``waitForSpace(_:delayMilliseconds:)``, for a host that is away.
    case waitForHost(Ticket, delayMilliseconds: Int)
    /// Temp files are gone: download makes them again.
    case backToDownload(Ticket)
    /// Clean-up ends the job as failed.
    case fail(Ticket)
    /// Clean-up ends the job as cancelled.
    case cancel(Ticket)

    /// The facts that decide a settlement, besides the outcome.
    struct Facts: Sendable {
        var stage: Stage
        var policy: RetryPolicy
        /// This machine, in failures.
        var host: String
        /// Now, in failures.
        var timestamp: String
        /// The delay that a retry of a step takes.
        var delay: @Sendable (_ stepMilliseconds: Int) -> Int
    }

    /// The end of a stage's work that was done.
    ///
    /// - Parameter done: the ticket with what the stage has added to it.
    static func ofDone(_ done: Ticket, _ facts: Facts) -> Settlement {
        guard let next = facts.stage.next else { return .end(done) }
        var ticket = done
        // A redriven ticket may have these of an earlier run.
        ticket.failure = nil
        ticket.outcome = nil
        ticket.previousPhase = facts.stage.working
        ticket.phase = facts.stage.done
        if next.traits.endsJobs {
            ticket.previousPhase = facts.stage.done
            ticket.phase = .cleanup
            ticket.outcome = .completed
        }
        return .handOver(ticket, to: next)
    }

    static func ofFailure(_ failure: StageFailure, _ ticket: Ticket, _ facts: Facts) -> Settlement {
        let noted = JobFailure(
            stage: facts.stage,
            code: failure.code,
            message: failure.message,
            occurredAt: facts.timestamp,
            host: facts.host
        )
        let decision = facts.policy.decide(
            failure.verdict,
            attempt: ticket.attempt,
            downloads: ticket.downloads,
            stage: facts.stage,
            waitedSeconds: ticket.waitedSeconds,
            retryAfter: failure.retryAfter
        )
        var next = ticket
        next.waitingFor = nil
        switch decision {
        case .retry(let step):
            next.attempt = Ticket.counted(next.attempt)
            next.note(noted)
            return .retry(next, delayMilliseconds: facts.delay(step))
        case .waitForSpace(let delay):
            return .waitForSpace(next, delayMilliseconds: delay)
        case .waitForOtherJob(let delay):
            return .waitForOtherJob(next, delayMilliseconds: delay)
        case .waitForHost(let step):
            let delay = facts.delay(step)
            next.waitedSeconds = min(max(next.waitedSeconds, 0), RetryPolicy.awaySeconds) + Int64(max(delay / 1000, 1))
            next.waitingFor = failure.host.map { host in
                let before = ticket.waitingFor.flatMap { $0.host == host && $0.stage == facts.stage ? $0.since : nil }
                let since = before ?? facts.timestamp
                return HostWait(stage: facts.stage, host: host, message: failure.message, since: since)
            }
            return .waitForHost(next, delayMilliseconds: delay)
        case .backToDownload:
            next = next.returning(from: facts.stage)
            next.downloads = Ticket.counted(next.downloads)
            next.note(noted)
            return .backToDownload(next)
        case .fail where facts.stage.traits.endsJobs:
            next.outcome = ticket.outcome ?? .failed
            return .endUnfinished(next)
        case .fail:
            next.outcome = .failed
            next.failure = noted
            return .fail(next.goingToCleanup(from: facts.stage))
        }
    }

    static func ofCancellation(_ ticket: Ticket, _ facts: Facts) -> Settlement {
        var cancelled = ticket
        cancelled.outcome = .cancelled
        cancelled.failure = nil
        return .cancel(cancelled.goingToCleanup(from: facts.stage))
    }
}

extension Ticket {
    fileprivate func goingToCleanup(from stage: Stage) -> Ticket {
        var ticket = self
        ticket.previousPhase = stage.working
        ticket.phase = .cleanup
        return ticket
    }
}
