import Foundation
import Queues
import Settings
import TestSupport
import Testing

@testable import SupervisorCore

/// The real executable under a service manager that is only a socket.
@Suite("Under a service manager", .timeLimit(.minutes(15)))
struct ServiceManagerTests {
    private let installed: InstalledSupervisor

    init() async throws { installed = try await InstalledSupervisor() }

    enum Namespace: String, CaseIterable, Sendable {
        case path
        case abstract
    }

    private func manager(_ namespace: Namespace = .path) throws -> FakeServiceManager {
        switch namespace {
        case .path: try FakeServiceManager(installed.scratch.path + "/notify")
        case .abstract: try FakeServiceManager("@media-processor-test-\(UUID().uuidString)")
        }
    }

    private func variables(_ manager: FakeServiceManager, timeoutMicroseconds: Int) -> [String: String] {
        ["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "\(timeoutMicroseconds)"]
    }

    @Test(
        "it tells when all workers are ready, signs of life, reloads and the stop; workers know nothing of it",
        arguments: Namespace.allCases
    )
    func life(_ namespace: Namespace) async throws {
        let manager = try manager(namespace)
        let supervisor = try await installed.run(["run"], variables(manager, timeoutMicroseconds: 2_000_000))
        let start = try await manager.messages { $0["READY"] != nil }
        #expect(start.last?["STATUS"] == "8 of 8 workers ready, 8 jobs")
        #expect(start.dropLast().allSatisfy { $0["STATUS"]?.hasPrefix("starting") != false })
        #expect(start.dropLast().allSatisfy { $0["EXTEND_TIMEOUT_USEC"] != nil || $0["WATCHDOG"] == nil })
        let (_, processID) = try await supervisor.line(containing: "is up")

        for _ in 1...3 {
            let signs = try await manager.messages { $0["WATCHDOG"] == "1" }
            #expect(signs.allSatisfy { $0["READY"] == nil && $0["EXTEND_TIMEOUT_USEC"] == nil })
        }
        let workers = descendants(of: processID)
        #expect(workers.count == 8)
        for process in workers {
            let environment = try String(contentsOfFile: "/proc/\(process)/environ", encoding: .utf8)
            #expect(environment.contains("QUEUE_PREFIX="))
            for name in CurrentEnvironment.own { #expect(!environment.contains(name + "=")) }
        }

        supervisor.signal(SIGHUP)
        let reload = try await manager.messages { $0["READY"] != nil }
        let begun = try #require(reload.first { $0["RELOADING"] == "1" })
        #expect(begun["MONOTONIC_USEC"].flatMap { Int64($0) }.map { $0 > 0 } == true)
        #expect(reload.last?["STATUS"] == "8 of 8 workers ready, 8 jobs")

        supervisor.signal(SIGTERM)
        let stop = try await manager.messages { $0["STOPPING"] == "1" }
        #expect(stop.last?["STATUS"]?.hasPrefix("stopping: 8 workers may finish") == true)
        #expect(try await supervisor.end().exit == .status(0))
        let rest = try await manager.waiting()
        #expect(rest.allSatisfy { $0["READY"] == nil && $0["STOPPING"] == nil })
    }

    @Test("it is not ready while the workers of a pool die, and says so")
    func dying() async throws {
        let manager = try manager()
        let supervisor = try await installed.run(
            ["run"],
            variables(manager, timeoutMicroseconds: 2_000_000).merging(["FAKE_WORKER": "crash"]) { $1 }
        )
        let start = try await manager.messages { $0["STATUS"]?.contains("keep dying") == true }
        #expect(start.last?["STATUS"]?.hasPrefix("starting: 0 of 8 workers ready, 0 jobs; workers of ") == true)
        supervisor.signal(SIGTERM)
        let stop = try await manager.messages { $0["STOPPING"] == "1" }
        #expect((start + stop).allSatisfy { $0["READY"] == nil })
        _ = try await supervisor.end()
    }

    @Test("it is not ready without a connection to the broker, and says why")
    func withoutBroker() async throws {
        let manager = try manager()
        let supervisor = try await installed.run(
            ["run"],
            variables(manager, timeoutMicroseconds: 2_000_000)
                .merging(["RABBITMQ_URL": "amqp://u:hidden@127.0.0.1:1"]) { $1 }
        )
        let start = try await manager.messages {
            $0["STATUS"]?.hasPrefix("starting: 8 of 8 workers ready, 8 jobs; no connection to the broker: ") == true
        }
        #expect(start.allSatisfy { $0["READY"] == nil && $0["STATUS"]?.contains("hidden") != true })
        supervisor.signal(SIGTERM)
        #expect(try await supervisor.end().exit == .status(0))
    }

    @Test("signs of life do not end because nobody reads the log, nor does the stop wait for a reader")
    func unreadLog() async throws {
        let manager = try manager()
        let pipe = installed.scratch.path + "/output"
        #expect(mkfifo(pipe, 0o600) == 0)
        let reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(reader) }
        // Full from the start.
        let writer = open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(writer) }
        let piece = [UInt8](repeating: UInt8(ascii: "-"), count: 4096)
        while write(writer, piece, piece.count) > 0 {}
        let supervisor = try ChildProcess(
            installed.executable,
            ["run"],
            environment: try await installed.environment(
                variables(manager, timeoutMicroseconds: 400_000).merging(["FAKE_WORKER": "talkative"]) { $1 }
            ),
            output: pipe
        )
        _ = try await manager.messages { $0["READY"] != nil }
        // Its workers talk more than a pipe holds.
        supervisor.send(SIGUSR1)
        for _ in 0..<30 { _ = try await manager.messages { $0["WATCHDOG"] == "1" } }
        supervisor.send(SIGTERM)
        _ = try await manager.messages { $0["STOPPING"] == "1" }
        #expect(await supervisor.wait() == .status(0))
        #expect(write(writer, piece, piece.count) < 0 && errno == EAGAIN)
    }

    @Test("The loop goes no further than the thread that starts processes and sees them end")
    func stuckHost() async throws {
        let host = try ProcessHost()
        let (rounds, continuation) = AsyncStream.makeStream(of: Void.self)
        let pools = try PoolSupervisor(
            counts: WorkerCounts(),
            executablesDirectory: installed.scratch.path,
            environment: FakeWorkers.environment,
            host: host,
            listener: SupervisionLoop.Listener(interval: .milliseconds(10)) { _ in continuation.yield() },
            logger: TestBroker.logger
        )
        await pools.start()
        var heard = rounds.makeAsyncIterator()
        for _ in 1...3 { await heard.next() }

        let (stuck, noteStuck) = AsyncStream.makeStream(of: Void.self)
        let gate = DispatchSemaphore(value: 0)
        host.start(.next(), SpawnRequest(executable: "/bin/true", arguments: [], environment: [:])) { event in
            guard case .started = event else { return }
            noteStuck.yield()
            gate.wait()
        }
        for await _ in stuck { break }
        let counter = Task { await Self.count(rounds, until: continuation) }
        // The actor itself still answers.
        for _ in 1...20 {
            await pools.noteChange()
            #expect(await pools.snapshots.count == 8)
            // Two rounds' time: that no round comes has no event.
            try await Task.sleep(for: .milliseconds(20))
        }
        continuation.finish()
        // One may have been under way.
        #expect(await counter.value <= 1)
        gate.signal()
        await pools.drain(limit: .seconds(60))
    }

    private static func count(_ rounds: AsyncStream<Void>, until: AsyncStream<Void>.Continuation) async -> Int {
        var count = 0
        for await _ in rounds { count += 1 }
        return count
    }
}
