import AMQP
import Foundation
import TestSupport
import Testing

@testable import SupervisorCore

/// Each test starts nodes of its own, which takes seconds.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct PrivateBrokerTests {
    private let scratch = Scratch()
    private let host: ProcessHost

    init() throws { host = try ProcessHost() }

    /// A guard whose standard input the test holds, as the supervisor does.
    private struct Guard {
        var child: WatchedChild
        var input: CInt
        var url: String
        var processID: pid_t
    }

    private func start() async throws -> Guard {
        let input = try PipeEnds.make()
        let child = WatchedChild(
            host,
            SpawnRequest(
                executable: try BuiltExecutable.path("supervisor"),
                arguments: ["private-broker", "--directory", scratch.path + "/broker"],
                environment: ["PATH": "/usr/bin:/bin"],
                standardInput: input.readEnd
            )
        )
        let (url, processID) = try await child.line(containing: "amqp://")
        close(input.readEnd)
        return Guard(child: child, input: input.writeEnd, url: url, processID: processID)
    }

    @Test("A message survives a restart on another port; the end of the guard's input leaves nothing running")
    func restart() async throws {
        let first = try await start()
        try await withTestClient(to: AMQPEndpoint(parsing: first.url)) { client in
            try await client.declare(AMQPQueue("kept"))
            try await client.publish(AMQPMessage(body: Array("hello".utf8)), to: "kept")
        }
        let processes = descendants(of: first.processID)
        #expect(processes.count >= 3)

        let other = WatchedChild(
            host,
            SpawnRequest(
                executable: try BuiltExecutable.path("supervisor"),
                arguments: ["private-broker", "--directory", scratch.path + "/broker"],
                environment: ["PATH": "/usr/bin:/bin"]
            ),
            reports: 2
        )
        let refusal = try await other.line(containing: "private broker").line
        #expect(refusal.contains("another private broker uses \(scratch.path)/broker (process \(first.processID)"))
        #expect(try await other.end().exit == .status(1))

        close(first.input)
        #expect(try await first.child.end().exit == .status(0))
        #expect(try await remaining(processes) == [])

        try FileManager.default.removeItem(atPath: scratch.path + "/broker/port")
        let second = try await start()
        #expect(second.url != first.url)
        try await withTestClient(to: AMQPEndpoint(parsing: second.url)) { client in
            let count = try await client.messageCount(queue: "kept")
            #expect(count == 1)
        }
        // A guard that is killed takes its node along.
        let left = descendants(of: second.processID)
        second.child.signal(SIGKILL)
        _ = try await second.child.end()
        close(second.input)
        #expect(try await remaining(left) == [])
    }

    @Test("Only the owner can read the directory, and every listener is on loopback")
    func privacy() async throws {
        let running = try await start()
        let mode = try FileManager.default.attributesOfItem(atPath: scratch.path + "/broker")[.posixPermissions]
        #expect(mode as? Int == 0o700)
        let password = try FileManager.default.attributesOfItem(atPath: scratch.path + "/broker/password")
        #expect(password[.posixPermissions] as? Int == 0o600)
        let sockets = try await ChildProcess.run("ss", ["-Hltnp"])
        let own = Set(descendants(of: running.processID))
        let listeners = sockets.split(separator: "\n").filter { line in own.contains { line.contains("pid=\($0),") } }
        #expect(listeners.count >= 3)
        for listener in listeners {
            let address = listener.split(separator: " ")[3]
            #expect(address.hasPrefix("127.0.0.1:") || address.hasPrefix("[::1]:"))
        }
        running.child.signal(SIGTERM)
        #expect(try await running.child.end().exit == .status(0))
        close(running.input)
    }

    @Test("A node that cannot start says why, and leaves nothing running")
    func brokenNode() async throws {
        // A file where the node's database directory has to be.
        try FileManager.default.createDirectory(atPath: scratch.path + "/broker", withIntermediateDirectories: true)
        try scratch.file("broker/mnesia", [])
        let input = try PipeEnds.make()
        defer {
            close(input.readEnd)
            close(input.writeEnd)
        }
        let child = WatchedChild(
            host,
            SpawnRequest(
                executable: try BuiltExecutable.path("supervisor"),
                arguments: ["private-broker", "--directory", scratch.path + "/broker"],
                environment: ["PATH": "/usr/bin:/bin"],
                standardInput: input.readEnd
            ),
            reports: 2
        )
        let (lines, exit) = try await child.end()
        #expect(exit == .status(1))
        #expect(lines.first?.hasPrefix("private broker: ") == true)
    }
}
