import Foundation
import JobModel
import JobStore
import TempFiles
import TempFilesSupport
import Testing

/// Workers that die while they have a job.
@Suite struct DeathTests {
    let lab: Lab
    let tracker: TempFileTracker
    private let first = WorkerLife(name: "process.video.1", processID: 4711)
    private let second = WorkerLife(name: "process.video.1", processID: 4712)

    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    /// A start by a worker, which then dies or gives its lease up.
    @discardableResult
    private func start(_ worker: WorkerLife?, _ stage: Stage = .process, hop: Int64 = 1) async throws -> EnteredStage {
        let message = StageMessage(stage: stage, hop: hop, mediaID: "m", manifest: nil, worker: worker)
        let entry = try await tracker.jobs.enter(video(), message, timeout: .zero)
        guard case .entered(let entered) = entry else { throw LabError(message: "\(entry)") }
        entered.lease.release()
        return entered
    }

    private func deaths() async throws -> [String] {
        let events = try await tracker.jobs.detail(video(), fileLimit: 0)?.events ?? []
        return events.filter { $0.what == .workerDied }
            .map { "\($0.stage?.rawValue ?? "") \($0.hop): \($0.detail ?? "")" }
    }

    @Test func aDeathIsAnEventOfTheJobThatTheWorkerHad() async throws {
        try await start(first)
        #expect(try await tracker.jobs.noteEnd(of: first, cause: "signal 9 (SIGKILL)") == [video()])
        let told = ["process 1: process.video.1: signal 9 (SIGKILL)"]
        #expect(try await deaths() == told)
        // Its successor learns of it, and notes no other.
        let entered = try await start(second)
        #expect(entered.starts == 2)
        #expect(entered.deaths.map(\.detail) == ["process.video.1: signal 9 (SIGKILL)"])
        #expect(try await deaths() == told)
        let events = try await tracker.jobs.detail(video(), fileLimit: 0)?.events.map(\.what)
        #expect(events == [.handedOver, .started, .workerDied, .started])
    }

    @Test func aStartThatIsQuickerThanTheSupervisorNotesTheDeath_andTheCauseFollows() async throws {
        try await start(first)
        #expect(try await start(second).deaths.map(\.detail) == ["process.video.1 (process 4711)"])
        #expect(try await deaths() == ["process 1: process.video.1 (process 4711)"])
        #expect(try await tracker.jobs.noteEnd(of: first, cause: "signal 11 (SIGSEGV)").isEmpty)
        #expect(try await deaths() == ["process 1: process.video.1: signal 11 (SIGSEGV)"])
        // The second one has the job still.
        #expect(try await tracker.jobs.noteEnd(of: second, cause: "exit status 70") == [video()])
        #expect(try await deaths().count == 2)
    }

    @Test func aWorkerWhoseJobCameBackToItIsAlive() async throws {
        try await start(first)
        #expect(try await start(first).deaths.isEmpty)
        #expect(try await deaths().isEmpty)
    }

    @Test("What was handed on, given back or ended is nothing that a worker has", arguments: 0..<4)
    func settled(way: Int) async throws {
        let entered = try await start(first)
        switch way {
        case 0: try await tracker.jobs.handedOver(video(), to: .upload, hop: 2)
        case 1: try await tracker.jobs.handBack(video(), stage: .process, hop: 1, start: entered.starts)
        case 2:
            try await tracker.jobs.willRetry(
                video(),
                stage: .process,
                hop: 1,
                start: 1,
                attempt: 1,
                ticket: Array("{}".utf8)
            )
        default: _ = try await tracker.jobs.end(video(), outcome: .failed, token: "t", record: Array("{}".utf8))
        }
        #expect(try await tracker.jobs.noteEnd(of: first, cause: "signal 9 (SIGKILL)").isEmpty)
        #expect(try await deaths().isEmpty)
    }

    @Test func theNextStagesWorkerKeepsTheJobWhateverTheLastOneSaysLate() async throws {
        let entered = try await start(first)
        try await tracker.jobs.handedOver(video(), to: .upload, hop: 2)
        let upload = WorkerLife(name: "upload.video.1", processID: 1)
        try await start(upload, .upload, hop: 2)
        try await tracker.jobs.handBack(video(), stage: .process, hop: 1, start: entered.starts)
        try await tracker.jobs.handedOver(video(), to: .upload, hop: 2)
        #expect(try await tracker.jobs.noteEnd(of: upload, cause: "signal 9 (SIGKILL)") == [video()])
        #expect(try await deaths() == ["upload 2: upload.video.1: signal 9 (SIGKILL)"])
    }

    @Test func theHistoryHasEachDeathOnceInItsPlace() throws {
        func death(_ second: Int, _ detail: String) -> JobEvent {
            JobEvent(
                at: Date(timeIntervalSince1970: 1_800_000_000 + Double(second)),
                what: .workerDied,
                stage: .process,
                hop: 1,
                detail: detail
            )
        }
        func failure(_ second: Int) -> JobFailure {
            let at = Timestamp.string(Date(timeIntervalSince1970: 1_800_000_000 + Double(second)))
            return JobFailure(stage: .process, code: "c\(second)", message: "m", occurredAt: at)
        }
        var ticket = Ticket(id: "j", mediaID: "m", kind: .video)
        for second in [0, 2, 4] { ticket.note(failure(second)) }
        ticket.note(deaths: [death(1, "w.1 (process 7)"), death(3, "w.1: signal 6 (SIGABRT)")], host: "h")
        #expect(ticket.history.map(\.code) == ["c0", "worker_died", "c2", "worker_died", "c4"])
        // By now the cause is known.
        ticket.note(deaths: [death(1, "w.1: signal 9 (SIGKILL)"), death(3, "w.1: signal 6 (SIGABRT)")], host: "h")
        try #require(ticket.history.count == 5)
        #expect(ticket.history[1].message == "the worker died: w.1: signal 9 (SIGKILL)")
        #expect(ticket.history[1].host == "h")
        // Older ones make room, and do not come back.
        for second in 5..<30 { ticket.note(failure(second)) }
        ticket.note(deaths: [death(1, "w"), death(3, "w")], host: "h")
        #expect(ticket.history.map(\.code) == (10..<30).map { "c\($0)" })
    }
}
