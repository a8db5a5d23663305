import Files
import Foundation
import JobModel
import Queues
import Settings
import TestSupport
import Testing

@testable import SupervisorCore

/// The real executable, started as root to become another user, or as another user who cannot.
@Suite("RUN_AS", .timeLimit(.minutes(10)))
struct RunAsTests {
    private static let nobody = "nobody:nogroup"
    private static let directories = ["tmp", "state", "logs", "store"]
    private let installed: InstalledSupervisor
    private var scratch: Scratch { installed.scratch }
    private static var isRoot: Bool { geteuid() == 0 }

    init() async throws {
        installed = try await InstalledSupervisor()
        // Another user has to reach the programs.
        chmod(scratch.path, 0o755)
        for name in ["supervisor"] + Stage.allCases.map({ "stage-\($0.rawValue)" }) {
            chmod(scratch.path + "/" + name, 0o755)
        }
        for name in Self.directories { mkdir(scratch.path + "/" + name, 0o755) }
    }

    private func give(_ names: [String], to user: uid_t = 65_534) {
        for name in names { #expect(chown(scratch.path + "/" + name, user, user) == 0) }
    }

    private func run(_ changes: [String: String], reports: CInt = 1) async throws -> WatchedChild {
        try await installed.run(
            ["run"],
            ["STORAGE_URL": "file://\(scratch.path)/store"].merging(changes) { $1 },
            reports: reports
        )
    }

    /// Lines of `/proc/PID/status`, by their names.
    private func status(_ process: pid_t) throws -> [String: [String]] {
        let text = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let lines = text.split(separator: "\n").map { $0.split(whereSeparator: { $0 == "\t" || $0 == " " }) }
        return Dictionary(
            lines.compactMap { line in line.first.map { (String($0), line.dropFirst().map(String.init)) } }
        ) {
            first,
            _ in first
        }
    }

    @Test("makes the supervisor and all its workers that user's, without capabilities and with no way back")
    func becomes() async throws {
        guard Self.isRoot else { return try await refusesOthers() }
        give(Self.directories)
        let manager = try FakeServiceManager("@media-processor-test-\(UUID().uuidString)")
        let supervisor = try await run(["RUN_AS": Self.nobody, "NOTIFY_SOCKET": manager.name])
        let processID = try await installed.ready(supervisor)
        // The process keeps its number, by which its parent knows it.
        #expect(RunFile.read(stateDirectory: scratch.path + "/state")?.pid == processID)
        _ = try await manager.messages { $0["READY"] != nil }
        let workers = descendants(of: processID)
        #expect(workers.count == 8)
        for process in [processID] + workers {
            let status = try status(process)
            #expect(status["Uid:"] == Array(repeating: "65534", count: 4))
            #expect(status["Gid:"] == Array(repeating: "65534", count: 4))
            #expect(status["Groups:"] == ["65534"])
            for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
                #expect(status[set] == ["0000000000000000"])
            }
            #expect(status["NoNewPrivs:"] == ["1"])
        }
        let environment = try String(contentsOfFile: "/proc/\(processID)/environ", encoding: .utf8).split(
            separator: "\0"
        )
        #expect(environment.contains("USER=nobody") && environment.contains("HOME=/nonexistent"))
        for file in ["tmp/media-processor", "state/supervisor.json", "logs/media-processor.log"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: scratch.path + "/" + file)
            #expect(attributes[.ownerAccountID] as? Int == 65_534)
        }
        supervisor.signal(SIGTERM)
        #expect(try await supervisor.end().exit == .status(0))
        let log = try String(contentsOfFile: scratch.path + "/logs/media-processor.log", encoding: .utf8)
        #expect(!log.contains("running as root"))
    }

    struct Refusal: Sendable {
        var given: [String]
        /// A file of root's inside the given directory.
        var file: String?
        var commands: [String]
    }

    @Test(
        "is refused with the command to run while a directory is not that user's, and nothing is made",
        arguments: [
            Refusal(
                given: ["tmp"],
                commands: ["chown -R nobody:nogroup DIR/state", "chown -R nobody:nogroup DIR/logs", "DIR/store"]
            ),
            Refusal(
                given: ["state", "logs", "store"],
                commands: ["mkdir -p DIR/tmp/media-processor && chown -R nobody:nogroup DIR/tmp/media-processor"]
            ),
            Refusal(given: directories, file: "state/broker", commands: ["chown -R nobody:nogroup DIR/state"]),
            Refusal(given: directories, file: "tmp/media-processor", commands: ["DIR/tmp/media-processor"]),
            Refusal(
                given: directories,
                file: "logs/media-processor.log",
                commands: ["chown -R nobody:nogroup DIR/logs"]
            ),
        ]
    )
    func refuses(_ row: Refusal) async throws {
        guard Self.isRoot else { return try await refusesOthers() }
        give(row.given)
        if let file = row.file {
            let path = scratch.path + "/" + file
            if file.hasSuffix(".log") { try scratch.file(file, []) } else { #expect(mkdir(path, 0o755) == 0) }
        }
        let before = try FileManager.default.subpathsOfDirectory(atPath: scratch.path).sorted()
        let (lines, exit) = try await run(["RUN_AS": Self.nobody], reports: 2).end()
        #expect(exit == .status(1))
        let commands = lines.filter { $0.contains("chown") }
        #expect(commands.count == row.commands.count)
        for command in row.commands {
            let wanted = command.replacing("DIR", with: scratch.path)
            #expect(commands.contains { $0.contains(wanted) })
        }
        #expect(try FileManager.default.subpathsOfDirectory(atPath: scratch.path).sorted() == before)
        // The advice in the message helps.
        for command in commands { try await ChildProcess.run("sh", ["-c", command]) }
        let again = try await run(["RUN_AS": Self.nobody])
        _ = try await installed.ready(again)
        again.signal(SIGTERM)
        #expect(try await again.end().exit == .status(0))
    }

    @Test("of another user is refused to one who is not root")
    func refusesOthers() async throws {
        let arguments = ["--reuid=65534", "--regid=65534", "--clear-groups", installed.executable, "run"]
        let supervisor = WatchedChild(
            installed.host,
            SpawnRequest(
                executable: Self.isRoot ? "/usr/bin/setpriv" : installed.executable,
                arguments: Self.isRoot ? arguments : ["run"],
                environment: try await installed.environment(["RUN_AS": "daemon"])
            ),
            reports: 2
        )
        let (lines, exit) = try await supervisor.end()
        #expect(exit == .status(1))
        #expect(lines.contains { $0.contains("RUN_AS=daemon: only root can become another user") })
    }

    @Test(
        "is refused for users that are not there and for root",
        arguments: ["no-such-user", "nobody:no-such-group", "0:0"]
    )
    func unknown(_ name: String) async throws {
        let (lines, exit) = try await run(["RUN_AS": name], reports: 2).end()
        #expect(exit == .status(1))
        #expect(lines.contains { $0.contains("RUN_AS=\(name)") })
    }

    @Test("is what root becomes to look at that user's workspace, and without it root is told how")
    func orphans() async throws {
        guard Self.isRoot else { return }
        let workspace = scratch.path + "/tmp/media-processor"
        #expect(mkdir(workspace, 0o700) == 0)
        give(["tmp", "tmp/media-processor"])
        let output = scratch.path + "/output"
        func orphans(_ changes: [String: String]) async throws -> (ChildProcess.Exit, String) {
            try? FileManager.default.removeItem(atPath: output)
            let environment = try await installed.environment(changes)
            let child = try ChildProcess(
                installed.executable,
                ["orphans"],
                environment: environment,
                output: output
            )
            let exit = await child.wait()
            return (exit, try String(contentsOfFile: output, encoding: .utf8))
        }
        let (exit, text) = try await orphans([:])
        #expect(exit == .status(1) && text.contains("`setpriv --reuid=65534 --regid=65534 --init-groups"), "\(text)")
        #expect(!text.contains("remove"))
        let (done, report) = try await orphans(["RUN_AS": Self.nobody])
        #expect(done == .status(0) && report == "no orphans in \(workspace)\n", "\(report)")
        #expect(FileStatus(path: workspace + "/ledger.sqlite")?.owner == 65_534)
    }

    @Test("is missed: root without it is warned in the log and by the doctor")
    func missing() async throws {
        #expect(HostChecks.user(0, runAs: nil).verdict == .warning)
        #expect(HostChecks.user(7, runAs: nil) == .ok("user", "7"))
        guard Self.isRoot else { return }
        let supervisor = try await run([:])
        _ = try await supervisor.line(containing: "running as root")
        _ = try await installed.ready(supervisor)
        supervisor.signal(SIGTERM)
        _ = try await supervisor.end()
    }

    @Test("Users and groups are found by name and by number")
    func accounts() throws {
        func account(_ text: String) throws -> Account {
            let settings = try Settings.from(["RUN_AS": text])
            return try Account(#require(settings.runAs))
        }
        let daemon = try account("daemon")
        #expect((daemon.userID, daemon.groupID, daemon.owner) == (1, 1, "daemon:daemon"))
        #expect(try account("1") == daemon)
        #expect(try account("daemon:nogroup").groupID == 65_534)
        let number = try account("4242:4243")
        #expect((number.userID, number.groupID, number.userName, number.owner) == (4242, 4243, nil, "4242:4243"))
        #expect(throws: PrivilegeError.self) { try account("4242") }
        for wrong in [":", "a:", ":b", "a:b:c", "a b", "../x"] {
            #expect(throws: SettingsError.self) { try Settings.from(["RUN_AS": wrong]) }
        }
    }
}
