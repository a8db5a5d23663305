import Foundation
import Queues
import TestSupport

@testable import SupervisorCore

/// The real executable in a directory of its own, on the shared test broker, with workers that only pretend.
struct InstalledSupervisor {
    let scratch = Scratch()
    let host: ProcessHost
    let prefix = "sv.\(UUID().uuidString.prefix(8).lowercased())."
    let executable: String

    init() async throws {
        host = try ProcessHost()
        try await FakeWorkers.install(in: scratch)
        executable = scratch.path + "/supervisor"
        // The stages are looked for beside the executable, so it has to be there itself, and not as a symbolic link.
        let built = try BuiltExecutable.path("supervisor")
        if link(built, executable) != 0 { try await scratch.program("supervisor", copyOf: built) }
    }

    func environment(_ changes: [String: String] = [:]) async throws -> [String: String] {
        [
            "PATH": "/usr/bin:/bin", "RABBITMQ_URL": try await TestBroker.url(), "QUEUE_PREFIX": prefix,
            "TEMP_DIR": scratch.path + "/tmp", "STATE_DIR": scratch.path + "/state", "LOG_DIR": scratch.path + "/logs",
            "PORT": "0", "DRAIN_SECONDS": "20",
        ].merging(changes) { $1 }
    }

    func run(
        _ arguments: [String],
        _ changes: [String: String] = [:],
        reports: CInt = 1
    ) async throws -> WatchedChild {
        WatchedChild(
            host,
            SpawnRequest(executable: executable, arguments: arguments, environment: try await environment(changes)),
            reports: reports
        )
    }

    /// Waits until all workers are ready, and returns the supervisor's process id.
    func ready(_ supervisor: WatchedChild) async throws -> pid_t {
        let (_, processID) = try await supervisor.line(containing: "is up")
        guard let file = RunFile.read(stateDirectory: scratch.path + "/state") else {
            throw TestTree.Failure(description: "there is no run file of a running supervisor")
        }
        // No event of the tree's reaches us; the interval is short against the suite's limit.
        while try await RunningSupervisor(port: file.port).health().status != .healthy {
            try await Task.sleep(for: .milliseconds(5))
        }
        return processID
    }
}
