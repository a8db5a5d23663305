import AMQP
import Foundation
import JobModel
import Queues
import Settings
import TestSupport
import Testing
import WorkerProtocol

@testable import SupervisorCore

/// The real executable on the shared test broker, with workers that only pretend.
@Suite(.timeLimit(.minutes(10)))
struct SupervisorProcessTests {
    private let installed: InstalledSupervisor
    private var scratch: Scratch { installed.scratch }

    init() async throws { installed = try await InstalledSupervisor() }

    private func run(
        _ arguments: [String],
        _ changes: [String: String] = [:],
        reports: CInt = 1
    ) async throws -> WatchedChild {
        try await installed.run(arguments, changes, reports: reports)
    }

    private func ready(_ supervisor: WatchedChild) async throws -> pid_t { try await installed.ready(supervisor) }

    @Test("SIGTERM drains: exit status 0, no process and no run file are left")
    func drain() async throws {
        let supervisor = try await run(["run"])
        let processID = try await ready(supervisor)
        let file = try #require(RunFile.read(stateDirectory: scratch.path + "/state"))
        #expect(file.pid == processID)
        let mode = try FileManager.default.attributesOfItem(atPath: scratch.path + "/state/supervisor.json")
        #expect(mode[.posixPermissions] as? Int == 0o600)
        let workers = descendants(of: processID)
        #expect(workers.count == 8)
        for worker in workers {
            let open = try descriptors(of: worker)
            #expect(open == ["0", "1", "2", "3", "4", "5"])
        }
        supervisor.signal(SIGTERM)
        #expect(try await supervisor.end().exit == .status(0))
        #expect(try await remaining(workers) == [])
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/state/supervisor.json"))
    }

    /// The open descriptors of a worker. From 10 on the shell that runs it keeps its script and its standard input.
    private func descriptors(of worker: pid_t) throws -> [String] {
        let directory = "/proc/\(worker)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: directory).sorted().filter { name in
            guard name.count > 1 else { return true }
            let target = try FileManager.default.destinationOfSymbolicLink(atPath: directory + "/" + name)
            return target != "/dev/null" && !target.hasPrefix(scratch.path + "/stage-")
        }
    }

    @Test("A second SIGTERM hastens, so that workers that do not heed the first are gone soon")
    func hasten() async throws {
        let supervisor = try await run(["run"], ["FAKE_WORKER": "stubborn", "DRAIN_SECONDS": "3600"])
        let processID = try await ready(supervisor)
        let workers = descendants(of: processID)
        supervisor.signal(SIGTERM)
        _ = try await supervisor.line(containing: "stopping")
        supervisor.signal(SIGTERM)
        #expect(try await supervisor.end().exit == .status(0))
        #expect(try await remaining(workers) == [])
    }

    @Test("SIGUSR1 reaches the workers, and what they say of their own accord is in the log under their names")
    func reopen() async throws {
        let supervisor = try await run(["run"], ["LOG_FORMAT": "json"])
        _ = try await ready(supervisor)
        let log = scratch.path + "/logs/media-processor.log"
        try FileManager.default.moveItem(atPath: log, toPath: log + ".old")
        supervisor.signal(SIGUSR1)
        var said: Set<String> = []
        for _ in PoolName.all {
            let (line, _) = try await supervisor.line(containing: #""message":"it opens its log anew""#)
            said.insert(try JSONValue(parsing: Array(line.utf8)).objectValue?["process"]?.stringValue ?? "")
        }
        #expect(said == Set(PoolName.all.map { "\($0).1" }))
        supervisor.signal(SIGTERM)
        _ = try await supervisor.end()
        let text = try String(contentsOfFile: log, encoding: .utf8)
        #expect(text.contains("it opens its log anew"))
        #expect(!text.contains("is up"))
    }

    @Test("SIGKILL of the supervisor leaves no process, and the next one takes over")
    func killed() async throws {
        let first = try await run(["run"])
        let processID = try await ready(first)
        let workers = descendants(of: processID)
        #expect(workers.count == 8)
        // The workers have process groups of their own, so nobody but the lifeline tells them.
        first.signal(SIGKILL)
        _ = try await first.end()
        #expect(try await remaining(workers) == [])
        #expect(RunFile.read(stateDirectory: scratch.path + "/state") == nil)
        let second = try await run(["run"])
        _ = try await ready(second)
        second.signal(SIGINT)
        #expect(try await second.end().exit == .status(0))
    }

    @Test("After SIGKILL the next one may be started at once, as often as that happens")
    func killedAtOnce() async throws {
        var supervisor = try await run(["run"])
        _ = try await ready(supervisor)
        for _ in 1...5 {
            // Neither its end nor that of its workers is waited for.
            supervisor.signal(SIGKILL)
            let next = try await run(["run"])
            _ = try await next.line(containing: "is up")
            _ = try await supervisor.end()
            supervisor = next
        }
        supervisor.signal(SIGTERM)
        #expect(try await supervisor.end().exit == .status(0))
    }

    @Test("A state directory that others can write to is refused before anything in it is read or made")
    func openState() async throws {
        #expect(mkdir(scratch.path + "/state", 0o700) == 0 && chmod(scratch.path + "/state", 0o777) == 0)
        let supervisor = try await run(["run"], ["RABBITMQ_URL": ""])
        let (lines, exit) = try await supervisor.end()
        #expect(exit == .status(1))
        let message = "STATE_DIR cannot be used: \(scratch.path)/state can be written to by others (mode 777)"
        #expect(lines.contains { $0.contains(message) && $0.contains("chmod go-w \(scratch.path)/state") })
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/state") == [])
    }

    @Test(
        "A second supervisor of the same workspace or state directory is refused with the other's process id",
        arguments: ["TEMP_DIR", "STATE_DIR"]
    )
    func refused(variable: String) async throws {
        let first = try await run(["run"])
        let processID = try await ready(first)
        let second = try await run(["run"], [variable: scratch.path + "/other"])
        let (lines, exit) = try await second.end()
        #expect(exit == .status(1))
        #expect(lines.contains { $0.contains("another supervisor (process \(processID)) runs in \(scratch.path)") })
        #expect(descendants(of: processID).count == 8)
        #expect(RunFile.read(stateDirectory: scratch.path + "/state")?.pid == processID)
        first.signal(SIGTERM)
        _ = try await first.end()
    }

    @Test("submit finds the tree and puts a job into the download queue")
    func submit() async throws {
        let supervisor = try await run(["run"], ["FILE_SOURCE_ROOTS": scratch.path])
        _ = try await ready(supervisor)
        try scratch.file("photo.jpg", [0xFF, 0xD8, 0xFF, 0xE0])
        let submit = try await run(
            ["submit", scratch.path + "/photo.jpg", "--json", "--media-id", "holiday"],
            ["RABBITMQ_URL": ""]
        )
        let (lines, exit) = try await submit.end()
        #expect(exit == .status(0))
        let report = try JSONText.decode(SubmitReport.self, from: Array(lines.joined(separator: "\n").utf8))
        #expect(report.jobs.map(\.mediaId) == ["holiday"])
        let queue = QueueNames(prefix: installed.prefix).work(.image, .download)
        try await withTestClient { client in
            let consumer = try client.consume(AMQPQueue(queue), prefetch: 1)
            let delivery = try #require(await consumer.makeAsyncIterator().next())
            let ticket = try Ticket(parsing: delivery.body, expecting: .image)
            #expect(ticket.id == report.jobs.first?.id)
            #expect(ticket.source == "file://\(scratch.path)/photo.jpg")
            try await delivery.acknowledge()
            await consumer.stop()
            _ = try await client.delete(queue: queue)
        }
        let status = try await run(["status"])
        let shown = try await status.end()
        #expect(shown.exit == .status(0))
        #expect(shown.lines.first?.hasSuffix(": healthy") == true)
        supervisor.signal(SIGTERM)
        _ = try await supervisor.end()
    }

    struct Misuse: Sendable {
        var arguments: [String]
        var status: CInt
        var message: String
    }

    @Test(
        "Wrong usage and an absent supervisor have exit codes of their own",
        arguments: [
            Misuse(arguments: ["submit"], status: 64, message: "Missing expected argument"),
            Misuse(arguments: ["submit", "--kind", "audio", "x"], status: 64, message: "is invalid for '--kind"),
            Misuse(
                arguments: ["submit", "/nowhere.mp4"],
                status: 64,
                message: "cannot read /nowhere.mp4: No such file"
            ),
            Misuse(
                arguments: ["submit", "key:a.mp4", "key:b.mp4", "--media-id", "m"],
                status: 64,
                message: "--media-id"
            ),
            Misuse(
                arguments: ["submit", "https://me:hunter2@example.org/a.mp4"],
                status: 64,
                message: "the source https://…@example.org/a.mp4 has a user name or a password"
            ),
            Misuse(arguments: ["submit", "ftp://host/a.mp4"], status: 64, message: "the scheme ftp is unknown"),
            Misuse(arguments: ["submit", "https://127.1/a.mp4"], status: 64, message: "neither a name nor an address"),
            Misuse(arguments: ["submit", "key:a.mp4"], status: 69, message: "start one with `supervisor run`"),
            Misuse(arguments: ["status"], status: 69, message: "nobody answers on 127.0.0.1:1"),
        ]
    )
    func misuse(_ row: Misuse) async throws {
        let command = try await run(row.arguments, ["RABBITMQ_URL": "", "PORT": "1"], reports: 2)
        let (lines, exit) = try await command.end()
        #expect(exit == .status(row.status))
        #expect(lines.joined(separator: "\n").contains(row.message))
    }

    @Test(
        "Wrong settings are refused, all of them at once, by every command",
        arguments: ["run", "settings", "status"]
    )
    func settings(command: String) async throws {
        let wrong = [
            "PORT": "99999", "WORKERS": "nonsense", "RABBITMQ_URL": "http://me:hunter2@x", "STORAGE_URL": "ftp://b/x",
        ]
        let supervisor = try await run([command], wrong, reports: 2)
        let (lines, exit) = try await supervisor.end()
        #expect(exit == .status(78))
        #expect(lines.count == 5)
        for key in wrong.keys { #expect(lines.contains { $0.contains("  \(key): ") }) }
        #expect(!lines.contains { $0.contains("hunter2") })
    }

    @Test("Only `run` starts a tree: no command gets help, and an unknown one the one that was meant")
    func unknownCommands() async throws {
        let (help, none) = try await run([]).end()
        #expect(none == .status(64))
        #expect(help.contains { $0.contains("USAGE: supervisor <subcommand>") })
        for (word, meant) in [("stauts", "status"), ("cancle", "cancel"), ("redirve", "redrive")] {
            let (lines, exit) = try await run([word], reports: 2).end()
            #expect(exit == .status(64))
            #expect(lines.first == "Error: unknown command `\(word)`; did you mean `\(meant)`?")
        }
        let (lines, exit) = try await run(["f\u{202E}oo"], reports: 2).end()
        #expect(exit == .status(64) && lines.first == "Error: unknown command `f\\u{202E}oo`.")
        #expect(access(scratch.path + "/state", F_OK) != 0 && access(scratch.path + "/logs", F_OK) != 0)
    }

    @Test("A variable that is nearly one of ours is warned of, at the start and by `settings`")
    func misspelt() async throws {
        let slips = ["RABBITMQ_URI": "amqp://elsewhere", "TEMPDIR": "/var/tmp", "RABBITMQ_NODENAME": "rabbit@here"]
        let (lines, exit) = try await run(["settings"], slips, reports: 2).end()
        #expect(exit == .status(0))
        #expect(
            lines == [
                "Warning: RABBITMQ_URI is set and means nothing here; did you mean RABBITMQ_URL?",
                "Warning: TEMPDIR is set and means nothing here; did you mean TEMP_DIR?",
            ]
        )
    }

    @Test("A port that is taken is said with who has it")
    func takenPort() async throws {
        let tree = FakeTree()
        try await tree.serving { port in
            let supervisor = try await run(["run"], ["PORT": "\(port)"])
            let (line, _) = try await supervisor.line(containing: "could not start")
            let name =
                (try? String(contentsOfFile: "/proc/self/comm", encoding: .utf8))?.split(separator: "\n").first ?? ""
            #expect(
                line.contains(
                    "cannot listen on 127.0.0.1:\(port): it is taken by \(name) (process \(getpid())); set PORT"
                )
            )
            #expect(try await supervisor.end().exit == .status(1))
            // No private broker is started for that.
            let alone = try await run(["run"], ["PORT": "\(port)", "RABBITMQ_URL": ""])
            _ = try await alone.line(containing: "cannot listen on 127.0.0.1:\(port): it is taken by")
            #expect(try await alone.end().exit == .status(1))
            #expect(!FileManager.default.fileExists(atPath: scratch.path + "/state/broker"))
        }
    }
}
