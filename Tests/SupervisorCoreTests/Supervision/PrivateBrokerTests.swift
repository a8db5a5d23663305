import AMQP
import Foundation
import Queues
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

    private func start(_ more: [String] = []) async throws -> Guard {
        var started = try await launch(more)
        (started.url, started.processID) = try await started.child.line(containing: "amqp://")
        return started
    }

    private func launch(_ more: [String] = [], reports: CInt = 1) async throws -> Guard {
        let input = try PipeEnds.make()
        let child = WatchedChild(
            host,
            SpawnRequest(
                executable: try BuiltExecutable.path("supervisor"),
                arguments: ["private-broker", "--directory", scratch.path + "/broker"] + more,
                environment: ["PATH": "/usr/bin:/bin"],
                standardInput: input.readEnd
            ),
            reports: reports
        )
        // Then the child has its own.
        await host.passThrough()
        close(input.readEnd)
        return Guard(child: child, input: input.writeEnd, url: "", processID: 0)
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
            let words = listener.split(separator: " ")
            try #require(words.count > 3, "\(listener)")
            let address = words[3]
            #expect(address.hasPrefix("127.0.0.1:") || address.hasPrefix("[::1]:"))
        }
        running.child.signal(SIGTERM)
        #expect(try await running.child.end().exit == .status(0))
        close(running.input)
    }

    @Test("A successor says for what it waits, goes on at its predecessor's end, and is found where that one was")
    func successor() async throws {
        let first = try await start()
        let second = try await launch(["--takes-over"])
        let (_, successor) = try await second.child.line(containing: "waiting for processes \(first.processID), ")
        // Nobody knows yet that the first is to end: it goes on, and so does the wait.
        #expect(ProcessTable.isRunning(first.processID))
        close(first.input)
        let (url, _) = try await second.child.line(containing: "amqp://")
        #expect(url == first.url)
        #expect(try await first.child.end().exit == .status(0))
        let processes = descendants(of: successor)
        close(second.input)
        #expect(try await second.child.end().exit == .status(0))
        #expect(try await remaining(processes) == [])
    }

    @Test("A broker that was asked to stop before it was started is not waited for")
    func stoppedBeforeStart() async throws {
        let broker = PrivateBrokerProcess(
            directory: scratch.path + "/broker",
            host: host,
            logger: TestBroker.logger,
            changed: { _ in }
        )
        await broker.stop()
        await #expect(throws: PrivateBrokerError.self) { _ = try await broker.start() }
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/broker"))
    }

    @Test("A successor that waits ends at once when it is asked to, and its predecessor is left alone")
    func stopWhileWaiting() async throws {
        let first = try await start()
        let second = try await launch(["--takes-over"])
        _ = try await second.child.line(containing: "waiting for")
        second.child.signal(SIGTERM)
        #expect(try await second.child.end().exit == .status(0))
        close(second.input)
        // As does one whose own supervisor is killed.
        let third = try await launch(["--takes-over"])
        _ = try await third.child.line(containing: "waiting for")
        close(third.input)
        #expect(try await third.child.end().exit == .status(0))
        #expect(LoopbackPort.speaksAMQP(try UInt16(AMQPEndpoint(parsing: first.url).port)))
        close(first.input)
        #expect(try await first.child.end().exit == .status(0))
    }

    @Test("A predecessor that cannot end is waited for with a bound, and named with what helps")
    func stuck() async throws {
        let first = try await start()
        // It does not notice that its supervisor is gone.
        first.child.signal(SIGSTOP)
        await host.passThrough()
        close(first.input)
        let left = descendants(of: first.processID)
        let second = try await launch(["--takes-over", "--patience-seconds", "1"], reports: 2)
        let (lines, exit) = try await second.child.end()
        close(second.input)
        #expect(exit == .status(1))
        let message = try #require(lines.first { $0.contains("has not ended within 1 seconds") })
        let advice = try #require(message.split(separator: "`").first { $0.hasPrefix("kill -9 \(first.processID) ") })
        #expect(ProcessTable.isRunning(first.processID))
        // The advice in the message helps.
        try await ChildProcess.run("sh", ["-c", String(advice)])
        let third = try await start(["--takes-over"])
        _ = try await first.child.end()
        #expect(try await remaining(left) == [])
        close(third.input)
        #expect(try await third.child.end().exit == .status(0))
    }

    @Test(
        "The node reads only our configuration: no script, no settings of another node, no code in its start directory"
    )
    func surroundings() async throws {
        try FileManager.default.createDirectory(
            atPath: scratch.path + "/broker",
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        try scratch.file("broker/rabbitmq-env.conf", Array("touch \(scratch.path)/pwned\n".utf8))
        try scratch.file("broker/advanced.config", Array("this is no configuration".utf8))
        let running = try await start()
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/pwned"))
        let node = try #require(
            descendants(of: running.processID).first { process in
                (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8))?.hasPrefix("beam") == true
            }
        )
        let home = scratch.path + "/broker/home"
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(node)/cwd") == home)
        let text = try String(contentsOfFile: "/proc/\(node)/environ", encoding: .utf8)
        let environment = Set(text.split(separator: "\0").map(String.init))
        for name in ["CONF_ENV_FILE", "CONFIG_FILES", "ADVANCED_CONFIG_FILE", "MOTD_FILE"] {
            #expect(environment.contains("RABBITMQ_\(name)=/dev/null"))
        }
        #expect(environment.contains("HOME=\(home)"))
        // Erlang puts its own directories before it.
        let path = environment.first { $0.hasPrefix("PATH=") } ?? ""
        #expect(path.hasPrefix("PATH=/usr/lib/erlang/") && path.hasSuffix(":/usr/sbin:/usr/bin:/sbin:/bin"), "\(path)")
        for file in try FileManager.default.subpathsOfDirectory(atPath: scratch.path + "/broker/mnesia") {
            let path = scratch.path + "/broker/mnesia/" + file
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0
            #expect(mode & 0o077 == 0, "\(file)")
        }
        close(running.input)
        #expect(try await running.child.end().exit == .status(0))
    }

    @Test(
        "A directory in which others could have planted something is refused, with the path and what to do",
        arguments: ["mode", "link", "script", "parent", "owner"]
    )
    func planted(_ kind: String) async throws {
        let broker = scratch.path + "/broker"
        try FileManager.default.createDirectory(
            atPath: broker + "/home",
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
        let (wrong, cause): (String, String)
        switch kind {
        case "mode":
            (wrong, cause) = (
                try scratch.file("broker/enabled_plugins", [], mode: 0o666), "can be written to by others"
            )
        case "link":
            (wrong, cause) = (broker + "/mnesia", "is a symbolic link")
            try FileManager.default.createSymbolicLink(atPath: wrong, withDestinationPath: scratch.path)
        case "script":
            (wrong, cause) = (try scratch.file("broker/home/.erlang", []), "would be executed")
        case "parent":
            (wrong, cause) = (scratch.path, "can be written to by others (mode 777)")
            #expect(chmod(scratch.path, 0o777) == 0)
        default:
            guard geteuid() == 0 else { return }
            (wrong, cause) = (try scratch.file("broker/rabbitmq.conf", []), "belongs to user 65534")
            #expect(chown(wrong, 65_534, 65_534) == 0)
        }
        let (lines, exit) = try await launch(reports: 2).child.end()
        #expect(exit == .status(1))
        #expect(lines.first?.contains("\(wrong) ") == true && lines.first?.contains(cause) == true, "\(lines)")
        #expect(!FileManager.default.fileExists(atPath: broker + "/lock"))
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
