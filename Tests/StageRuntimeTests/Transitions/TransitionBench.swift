import AMQP
import Foundation
import JobModel
import Queues
import RuntimeSupport
import Settings
import Synchronization
import TempFiles

@testable import StageRuntime

/// Runs one delivery of one stage in one circumstance, and tells all that could be seen of it.
struct TransitionBench: Sendable {
    static let hop: Int64 = 5
    static let job = JobKey(kind: .video, id: "job")

    let stage: Stage
    let verdict: Verdict
    let circumstance: Circumstance
    let world: SimulatedWorld
    private let reports = ReportPipe()

    init(_ stage: Stage, _ verdict: Verdict, _ circumstance: Circumstance) throws {
        (self.stage, self.verdict, self.circumstance) = (stage, verdict, circumstance)
        world = try SimulatedWorld(.video, ["LONG_WORK_SECONDS": "60"])
    }

    private var queue: AMQPQueue { world.layout.work(.video, stage) }

    var ticket: Ticket {
        var ticket = Ticket(id: Self.job.id, mediaID: "media", kind: .video)
        ticket.sourceKey = "source.mp4"
        ticket.hop = Self.hop
        ticket.transfer = "token"
        if verdict == .exhausted { ticket.attempt = world.settings.attemptLimits[stage] - 1 }
        if stage == .cleanup { ticket.outcome = .completed }
        return ticket
    }

    /// - Returns: the journal, with what was counted at its end.
    func run() async throws -> [String] {
        let process = SimulatedProcess(world.simulation, name: "\(stage.rawValue).video.1")
        let once = Once()
        let worker = try world.worker(
            stage,
            process,
            reports: reports,
            fault: { fault($0, once) },
            fails: { circumstance == .failing($0) },
            work: { try await work($0, process) }
        )
        try prepare()
        let test = SimulatedProcess(world.simulation, name: "test")
        try await world.simulation.run(in: test) {
            let task = SimulatedTask(in: process) { try? await worker.runNext(of: queue) }
            if verdict == .drained || verdict == .drainedLeftBehind {
                try await test.sleep(for: .seconds(circumstance == .watched ? 90 : 1))
                task.cancel()
            }
            await task.finish()
        }
        worker.report()
        return Self.collapsed(world.journal.entries) + reports.counts()
    }

    /// The same several times in a row as one entry, such as `!isCancelRequested ×3`.
    private static func collapsed(_ entries: [String]) -> [String] {
        var runs: [(entry: String, count: Int)] = []
        for entry in entries {
            if let last = runs.last, last.entry == entry {
                runs[runs.count - 1].count += 1
            } else {
                runs.append((entry, 1))
            }
        }
        return runs.map { $0.count == 1 ? $0.entry : "\($0.entry) ×\($0.count)" }
    }

    private func prepare() throws {
        let (ledger, job) = (world.ledger, Self.job)
        ledger.change(job) { $0.mediaID = "media" }
        if verdict == .diedTooOften {
            let deaths = Int(world.settings.maximumStarts)
            ledger.noteDeaths(deaths, of: job, in: stage, hop: Self.hop)
        }
        switch circumstance {
        case .finished: end(token: "token", secondsAgo: 60, isAnnounced: true)
        case .unannounced: end(token: "token", secondsAgo: 1)
        case .unannouncedByOther: end(token: "other", secondsAgo: 1)
        case .abandonedEnd: end(token: "other", secondsAgo: 30)
        case .stale: ledger.change(job) { $0.hop = Self.hop + 1 }
        case .held: _ = ledger.lock(job)
        case .wished: ledger.change(job) { $0.isCancelRequested = true }
        case .otherContent: ledger.noteOtherContent(job)
        case .fresh, .watched, .lostBeforeConfirm, .lostWithConfirm, .lostBeforeAck, .refused, .unroutable, .failing:
            break
        }
        world.broker.store(AMQPMessage(ticket), in: queue.name)
    }

    private func end(token: String, secondsAgo: Double, isAnnounced: Bool = false) {
        let now = world.simulation.date
        var ended = ticket
        ended.outcome = .completed
        let record = ended.json.serialized()
        world.ledger.change(Self.job) {
            $0.state = .finished
            $0.outcome = .completed
            $0.finishToken = token
            $0.record = record
            $0.finishedAt = now.addingTimeInterval(-secondsAgo)
            $0.announcedAt = isAnnounced ? now : nil
        }
    }

    /// The first operation that gives the job on meets the circumstance.
    private func fault(_ operation: MemoryTransport.Operation, _ once: Once) -> MemoryTransport.Fault? {
        let isSuccessor: Bool
        switch operation {
        case .publish(let queue): isSuccessor = queue != world.layout.updates(.video).name
        case .commit: isSuccessor = true
        case .acknowledge:
            return circumstance == .lostBeforeAck && once.take() ? .lostBefore : nil
        case .giveBack: return nil
        }
        let fault: MemoryTransport.Fault? =
            switch circumstance {
            case .lostBeforeConfirm: .lostBefore
            case .lostWithConfirm: .lostAfter
            case .refused: .refused(.rejectedByBroker)
            case .unroutable: .queueDeleted
            default: nil
            }
        guard let fault, isSuccessor, once.take() else { return nil }
        return fault
    }

    // MARK: - The work

    private func work(_ job: JobContext, _ process: SimulatedProcess) async throws -> Ticket {
        world.journal.note("work")
        if circumstance == .watched, verdict != .drained, verdict != .drainedLeftBehind {
            try await process.sleep(for: .seconds(90))
        }
        switch verdict {
        case .done: break
        case .transient, .exhausted: throw StageFailure(.transient, code: "test", "it failed")
        case .permanent: throw StageFailure(.permanent, code: "test", "it failed")
        case .sourceGone: throw StageFailure(.sourceGone, code: "test", "it failed")
        case .noRoom: throw StageFailure(.noRoom, code: "test", "it failed")
        case .cancelled:
            world.ledger.change(Self.job) { $0.isCancelRequested = true }
            // An hour is not reached where somebody looks for the wish.
            try await process.sleep(for: .seconds(stage == .cleanup ? 1 : 3600))
        case .drained: try await process.sleep(for: .seconds(3600))
        case .cancelledLeftBehind:
            world.ledger.change(Self.job) { $0.isCancelRequested = true }
            await workOn(for: .seconds(stage == .cleanup ? 1 : 3600), process)
        case .drainedLeftBehind: await workOn(for: .seconds(3600), process)
        case .diedTooOften: throw StageFailure(.permanent, code: "test", "the work was begun all the same")
        case .tooLong:
            var ticket = job.ticket
            ticket.userID = String(repeating: "x", count: Ticket.maximumBytes)
            return ticket
        }
        return job.ticket
    }

    /// Heeds no cancellation, as a library's call.
    private func workOn(for time: Duration, _ process: SimulatedProcess) async {
        let sleeper = Task(executorPreference: process) { try? await process.sleep(for: time) }
        await sleeper.value
    }
}

/// Something that happens once.
private final class Once: Sendable {
    private let isLeft = Atomic(true)

    func take() -> Bool { isLeft.exchange(false, ordering: .relaxed) }
}
