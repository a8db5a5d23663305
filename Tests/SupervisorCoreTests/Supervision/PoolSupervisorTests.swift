import Foundation
import JobModel
import Logging
import Queues
import Settings
import TestSupport
import Testing
import WorkerProtocol

@testable import SupervisorCore

@Suite(.timeLimit(.minutes(10)))
struct PoolSupervisorTests {
    private let scratch = Scratch()
    private let one = PoolName(stage: .process, kind: .video)

    init() async throws { try await FakeWorkers.install(in: scratch) }

    private func counts(_ wanted: [PoolName: Int]) -> WorkerCounts {
        var counts = WorkerCounts()
        for name in PoolName.all { counts[name] = wanted[name] ?? 0 }
        return counts
    }

    private func supervisor(
        _ wanted: [PoolName: Int],
        environment: [String: String] = [:],
        limits: RestartPolicy.Limits = .init()
    ) throws -> PoolSupervisor {
        try PoolSupervisor(
            counts: counts(wanted),
            executablesDirectory: scratch.path,
            environment: FakeWorkers.environment.merging(environment) { $1 },
            host: try ProcessHost(),
            limits: limits,
            logger: TestBroker.logger
        )
    }

    /// Waits until the pools are as wished. They announce nothing; the interval is short against the suite's limit.
    private func snapshots(
        _ supervisor: PoolSupervisor,
        where condition: ([PoolSnapshot]) -> Bool
    ) async throws -> [PoolSnapshot] {
        while true {
            let snapshots = await supervisor.snapshots.filter { $0.wanted > 0 }
            try #require(!snapshots.isEmpty)
            if condition(snapshots) { return snapshots }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test("Every pool has its workers, with their names and reports")
    func start() async throws {
        let two = PoolName(stage: .upload, kind: .image)
        let supervisor = try supervisor([one: 2, two: 1])
        await supervisor.start()
        let found = try await snapshots(supervisor) { $0.allSatisfy { $0.ready == $0.wanted } }
        try #require(
            found.flatMap { $0.workers.map(\.name) } == ["process.video.1", "process.video.2", "upload.image.1"]
        )
        #expect(found[0].workers[1].report?.job == "j-process.video.2")
        #expect(found[0].workers[0].report?.progress == 40)
        await supervisor.drain(limit: .seconds(20))
    }

    @Test("A killed worker is replaced, and its end is on record")
    func replacement() async throws {
        let supervisor = try supervisor([one: 1])
        await supervisor.start()
        let before = try await snapshots(supervisor) { $0[0].ready == 1 }
        let victim = try #require(before[0].workers.first?.processID)
        kill(victim, SIGKILL)
        let after = try await snapshots(supervisor) { $0[0].restarts == 1 && $0[0].ready == 1 }
        #expect(try #require(after[0].workers.first).processID != victim)
        #expect(after[0].lastExit == .init(worker: "process.video.1", cause: "signal 9 (SIGKILL)"))
        await supervisor.drain(limit: .seconds(20))
    }

    @Test("A crash loop makes its pool failing, and no other")
    func crashLoop() async throws {
        try await scratch.program("stage-download", script: "#!/bin/sh\nexit 3\n")
        let loop = PoolName(stage: .download, kind: .video)
        let limits = RestartPolicy.Limits(initialDelay: .milliseconds(1), maximumDelay: .milliseconds(5))
        let supervisor = try supervisor([one: 1, loop: 1], limits: limits)
        await supervisor.start()
        let found = try await snapshots(supervisor) { $0.contains { $0.isFailing } && $0.contains { $0.ready == 1 } }
        #expect(found.map(\.name) == [loop, one])
        #expect(found.map(\.isFailing) == [true, false])
        #expect(found[0].restarts == 4)
        #expect(found[0].lastExit?.cause == "exit status 3")
        await supervisor.drain(limit: .seconds(20))
    }

    @Test("A stage without an executable is a failing pool, not a trap")
    func missingExecutable() async throws {
        try FileManager.default.removeItem(atPath: scratch.path + "/stage-process")
        let supervisor = try supervisor([one: 1], limits: .init(initialDelay: .zero, maximumDelay: .zero))
        await supervisor.start()
        let found = try await snapshots(supervisor) { $0[0].isFailing }
        #expect(found[0].lastExit?.cause.contains("No such file or directory") == true)
        await supervisor.drain(limit: .seconds(1))
    }

    @Test("A drain returns when every worker has ended by itself")
    func drain() async throws {
        let supervisor = try supervisor([one: 3])
        await supervisor.start()
        let found = try await snapshots(supervisor) { $0[0].ready == 3 }
        await supervisor.drain(limit: .seconds(20))
        #expect(await supervisor.snapshots.allSatisfy { $0.workers.allSatisfy { $0.state == "stopped" } })
        #expect(try await remaining(found[0].workers.compactMap(\.processID)) == [])
    }

    @Test("A worker that does not heed SIGTERM is killed when the time is over")
    func stubborn() async throws {
        let supervisor = try supervisor([one: 1], environment: ["FAKE_WORKER": "stubborn"])
        await supervisor.start()
        let found = try await snapshots(supervisor) { $0[0].ready == 1 }
        await supervisor.drain(limit: .milliseconds(50))
        #expect(try await remaining(found[0].workers.compactMap(\.processID)) == [])
    }

    @Test("Hastening cuts a long drain short")
    func hasten() async throws {
        let supervisor = try supervisor([one: 1], environment: ["FAKE_WORKER": "stubborn"])
        await supervisor.start()
        _ = try await snapshots(supervisor) { $0[0].ready == 1 }
        async let drained: Void = supervisor.drain(limit: .seconds(600))
        _ = try await snapshots(supervisor) { $0[0].isDraining }
        await supervisor.hasten()
        await drained
    }

    @Test("New settings reach the workers by a graceful restart")
    func restartAll() async throws {
        let supervisor = try supervisor([one: 1])
        await supervisor.start()
        let before = try await snapshots(supervisor) { $0[0].ready == 1 }
        var environment = FakeWorkers.environment
        environment["RABBITMQ_URL"] = "amqp://elsewhere"
        await supervisor.restartAll(environment: environment)
        let after = try await snapshots(supervisor) { $0[0].ready == 1 && $0[0].restarts == 1 }
        let process = try #require(after[0].workers.first?.processID)
        #expect(process != before[0].workers.first?.processID)
        #expect(after[0].lastExit == nil)
        let variables = try String(contentsOfFile: "/proc/\(process)/environ", encoding: .utf8)
        #expect(variables.contains("RABBITMQ_URL=amqp://elsewhere"))
        await supervisor.drain(limit: .seconds(20))
    }

    @Test("A pool is scaled up and down while it runs, and the workers that leave end by themselves")
    func scale() async throws {
        let supervisor = try supervisor([one: 1])
        await supervisor.start()
        #expect(try await supervisor.scale(one, to: 3).wanted == 3)
        let large = try await snapshots(supervisor) { $0[0].ready == 3 }
        let small = try await supervisor.scale(one, to: 1)
        #expect(small.wanted == 1 && small.ready == 1)
        let left = try await snapshots(supervisor) { $0[0].workers.count == 1 }
        #expect(left[0].restarts == 0 && left[0].lastExit == nil)
        let stays = try #require(left[0].workers.first).processID
        let gone = large[0].workers.compactMap(\.processID).filter { $0 != stays }
        #expect(try await remaining(gone) == [])
        await supervisor.drain(limit: .seconds(20))
    }

    @Test("A rolling restart replaces every worker and never has fewer ready ones")
    func rolling() async throws {
        let supervisor = try supervisor([one: 2])
        await supervisor.start()
        let before = try await snapshots(supervisor) { $0[0].ready == 2 }
        try await supervisor.restart(one, rolling: true)
        var fewest = 2
        let after = try await snapshots(supervisor) {
            fewest = min(fewest, $0[0].ready)
            return !$0[0].isRolling && $0[0].workers.count == 2
        }
        #expect(fewest == 2)
        let old = before[0].workers.compactMap(\.processID)
        #expect(Set(old).isDisjoint(with: after[0].workers.compactMap(\.processID)))
        #expect(try await remaining(old) == [])
        await supervisor.drain(limit: .seconds(20))
    }

    @Test("Wishes that cannot be had are refused with a reason", arguments: [-1, 65, Int.max])
    func outOfRange(count: Int) async throws {
        let supervisor = try supervisor([:])
        await #expect(throws: PoolControlError(message: "a pool has 0 to 64 workers; \(count) is outside of that")) {
            try await supervisor.scale(one, to: count)
        }
        await supervisor.drain(limit: .seconds(1))
        await #expect(throws: PoolControlError.self) { try await supervisor.scale(one, to: 1) }
        await #expect(throws: PoolControlError.self) { try await supervisor.restart(one, rolling: false) }
    }
}
