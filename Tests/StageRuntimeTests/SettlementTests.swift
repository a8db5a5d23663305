import CrashPoints
import JobModel
import Testing

@testable import StageRuntime

@Suite("What follows from a stage's work")
struct SettlementTests {
    private static func ticket(_ hop: Int64 = 5) -> Ticket {
        var ticket = Ticket(id: "job", mediaID: "media", kind: .video)
        ticket.hop = hop
        return ticket
    }

    private static func facts(_ stage: Stage) -> Settlement.Facts {
        Settlement.Facts(
            stage: stage,
            policy: RetryPolicy(maximumAttempts: 5),
            host: "host",
            timestamp: "now",
            delay: { $0 }
        )
    }

    private static func failure(_ verdict: StageFailure.Verdict) -> StageFailure {
        StageFailure(verdict, code: "test", "it failed")
    }

    private func crossings(_ settlement: Settlement, _ facts: SettlementStep.Facts) -> [CrashPoint] {
        SettlementStep.steps(of: settlement, facts).compactMap(\.crossing)
    }

    @Test("confirms the successor, then notes it, then lets go of the lease, then acknowledges")
    func orderOfHandOver() {
        let settlement = Settlement.ofDone(Self.ticket(), Self.facts(.download))
        let facts = SettlementStep.Facts(stage: .download, node: "host")
        let expected: [CrashPoint] = [
            .completionAnnounced, .handOverConfirmed, .handOverRecorded, .leaseReleased, .acknowledged,
        ]
        #expect(crossings(settlement, facts) == expected)
    }

    @Test("notes a retry before it is published, and another hop only where a watch ticket is about")
    func orderOfRetry() {
        let settlement = Settlement.ofFailure(Self.failure(.transient), Self.ticket(), Self.facts(.upload))
        var facts = SettlementStep.Facts(stage: .upload, node: "host")
        #expect(crossings(settlement, facts) == [.retryRecorded, .retryConfirmed])
        facts.mayBeWatched = true
        #expect(crossings(settlement, facts) == [.retryRecorded, .retryConfirmed, .retryOvertook])
        let steps = SettlementStep.steps(of: settlement, facts).map(\.action)
        #expect(steps.contains(.recordHandOver(to: .upload, hop: 6)))
        let recorded = steps.contains { if case .recordRetry(let ticket) = $0 { ticket.hop == 5 } else { false } }
        #expect(recorded)
    }

    @Test("leaves the lease to the process whose work goes on")
    func leftBehind() {
        let settlement = Settlement.ofCancellation(Self.ticket(), Self.facts(.process))
        let facts = SettlementStep.Facts(stage: .process, node: "host", isLeftBehind: true)
        let actions = SettlementStep.steps(of: settlement, facts).map(\.action)
        #expect(actions.contains(.leaveLease))
        #expect(!actions.contains(.releaseLease))
    }

    @Test("gives the job to the next stage, with a hop more and its attempts anew", arguments: Stage.allCases)
    func handOver(stage: Stage) {
        var done = Self.ticket()
        done.attempt = 3
        done.failure = JobFailure(stage: .process, code: "old", message: "of an earlier run", occurredAt: "")
        let settlement = Settlement.ofDone(done, Self.facts(stage))
        guard let next = stage.next else { return #expect(settlement == .end(done)) }
        let steps = SettlementStep.steps(of: settlement, .init(stage: stage, node: "host")).map(\.action)
        let published = steps.compactMap { if case .publish(let ticket, next) = $0 { ticket } else { nil } }
        #expect(published.map(\.hop) == [6])
        #expect(published.map(\.attempt) == [0])
        #expect(published.map(\.node) == ["host"])
        #expect(published.map(\.failure) == [nil])
        #expect(published.map(\.outcome) == [next == .cleanup ? .completed : nil])
        #expect(published.map(\.phase) == [next == .cleanup ? .cleanup : stage.done])
    }

    @Test("follows the verdict, and never gives a job from clean-up to another stage")
    func failures() {
        for stage in Stage.allCases {
            let isLast = stage == .cleanup
            let permanent = Settlement.ofFailure(Self.failure(.permanent), Self.ticket(), Self.facts(stage))
            switch permanent {
            case .fail(let ticket):
                #expect(!isLast)
                #expect(ticket.outcome == .failed)
                #expect(ticket.failure?.code == "test")
                #expect(ticket.phase == .cleanup)
            case .endUnfinished(let ticket):
                #expect(isLast)
                #expect(ticket.outcome == .failed)
            default: Issue.record("\(stage) settles a permanent failure with \(permanent)")
            }
            let gone = Settlement.ofFailure(Self.failure(.sourceGone), Self.ticket(), Self.facts(stage))
            if case .backToDownload(let ticket) = gone {
                #expect(stage == .process || stage == .upload)
                #expect(ticket.downloads == 1)
            } else {
                #expect(stage == .download || stage == .cleanup)
            }
            let noRoom = Settlement.ofFailure(Self.failure(.noRoom), Self.ticket(), Self.facts(stage))
            #expect(noRoom == .waitForSpace(Self.ticket(), delayMilliseconds: RetryPolicy.spaceDelayMilliseconds))
        }
    }

    @Test("waits for another job without counting an attempt, and tells clients so")
    func otherJob() {
        let settlement = Settlement.ofFailure(Self.failure(.otherJob), Self.ticket(), Self.facts(.upload))
        #expect(settlement == .waitForOtherJob(Self.ticket(), delayMilliseconds: 5_000))
        let actions = SettlementStep.steps(of: settlement, .init(stage: .upload, node: "host")).map(\.action)
        #expect(actions.first == .announceWaiting(.otherJob, delayMilliseconds: 5_000))
        #expect(actions.contains(.publishRetry(Self.ticket(), delayMilliseconds: 5_000)))
        #expect(!actions.contains(.count(.retried)) && actions.last == .acknowledge)
    }

    @Test("waits for a host that is away without counting an attempt, and forgets that at the next stage")
    func away() {
        var ticket = Self.ticket()
        for waited in [5, 10, 15] as [Int64] {
            let settlement = Settlement.ofFailure(Self.failure(.away), ticket, Self.facts(.download))
            var expected = Self.ticket()
            expected.waitedSeconds = waited
            #expect(settlement == .waitForHost(expected, delayMilliseconds: 5_000))
            let facts = SettlementStep.Facts(stage: .download, node: "host")
            let actions = SettlementStep.steps(of: settlement, facts).map(\.action)
            #expect(actions.contains(.publishRetry(expected, delayMilliseconds: 5_000)))
            #expect(!actions.contains(.count(.retried)))
            ticket = expected
        }
        let done = SettlementStep.steps(
            of: Settlement.ofDone(ticket, Self.facts(.download)),
            .init(stage: .download, node: "host")
        )
        let published = done.compactMap { if case .publish(let ticket, _) = $0.action { ticket } else { nil } }
        #expect(published.map(\.waitedSeconds) == [0])
        ticket.waitedSeconds = .max
        if case .retry(let next, _) = Settlement.ofFailure(Self.failure(.away), ticket, Self.facts(.download)) {
            #expect(next.attempt == Self.ticket().attempt + 1)
        } else {
            Issue.record("an hour is over, and the job still waits")
        }
    }

    @Test("says which host a job waits for and since when, as long as it is that host, and nothing once it goes on")
    func waitingFor() {
        func failure(_ host: String?, _ verdict: StageFailure.Verdict = .away) -> StageFailure {
            StageFailure(verdict, code: "test", "it does not answer", host: host)
        }
        func settled(_ failure: StageFailure, _ ticket: Ticket, at time: String, _ stage: Stage = .upload) -> Ticket? {
            var facts = Self.facts(stage)
            facts.timestamp = time
            return switch Settlement.ofFailure(failure, ticket, facts) {
            case .waitForHost(let ticket, _), .retry(let ticket, _), .waitForSpace(let ticket, _): ticket
            default: nil
            }
        }
        let first = settled(failure("a.example:443"), Self.ticket(), at: "t1")
        let wait = HostWait(stage: .upload, host: "a.example:443", message: "it does not answer", since: "t1")
        #expect(first?.waitingFor == wait)
        let again = settled(failure("a.example:443"), first ?? Self.ticket(), at: "t2")
        #expect(again?.waitingFor == wait && again?.waitedSeconds == 10)
        #expect(settled(failure("b.example:443"), again ?? Self.ticket(), at: "t3")?.waitingFor?.since == "t3")
        #expect(settled(failure(nil), again ?? Self.ticket(), at: "t3")?.waitingFor == nil)
        for verdict in [StageFailure.Verdict.transient, .noRoom] {
            #expect(settled(failure("a.example:443", verdict), again ?? Self.ticket(), at: "t3")?.waitingFor == nil)
        }
        let done = Settlement.ofDone(again ?? Self.ticket(), Self.facts(.upload))
        let published = SettlementStep.steps(of: done, .init(stage: .upload, node: "host")).map(\.action)
            .compactMap { if case .publish(let ticket, _) = $0 { ticket } else { nil } }
        #expect(published.count == 1 && published.allSatisfy { $0.waitingFor == nil })
    }

    @Test("of a clean-up that was given up keeps the job's own outcome and failure")
    func unfinishedCleanup() {
        var ticket = Self.ticket()
        ticket.outcome = .completed
        let settlement = Settlement.ofFailure(Self.failure(.permanent), ticket, Self.facts(.cleanup))
        #expect(settlement == .endUnfinished(ticket))
    }
}

@Suite("What differs between stages")
struct StageTraitsTests {
    @Test("only the last stage ends jobs, and only that has no next one")
    func lastStage() {
        for stage in Stage.allCases { #expect(stage.traits.endsJobs == (stage.next == nil)) }
    }

    @Test("parts of the job's progress follow each other without a gap")
    func percent() {
        #expect(Stage.download.traits.percent.lowerBound == 0)
        for stage in Stage.allCases {
            guard let next = stage.next else { return #expect(stage.traits.percent.upperBound == 100) }
            #expect(next.traits.percent.lowerBound == stage.traits.percent.upperBound)
        }
    }

    @Test("a message that may end its job has no copy, and is never let go of")
    func endingMessages() {
        for stage in Stage.allCases where stage.traits.endsJobs {
            #expect(stage.traits.heldLease == .goesBack)
            #expect(!stage.traits.leavesLongWorkToWatchTicket)
        }
    }
}
