import Foundation
import Queues
import Settings
import TestSupport
import Testing
import Threads

@testable import SupervisorCore

/// Tests which paths others could change. Cases that need another owner run as root only.
struct PathTrustTests {
    private let scratch = Scratch()
    private let trust = PathTrust(elsewhere: "set X to another place")
    private static var isRoot: Bool { geteuid() == 0 }

    private func directory(_ name: String, mode: mode_t, owner: uid_t? = nil) -> String {
        let path = scratch.path + "/" + name
        #expect(mkdir(path, 0o700) == 0 && chmod(path, mode) == 0)
        if let owner { #expect(chown(path, owner, owner) == 0) }
        return path
    }

    private func problem(_ body: () throws(PathTrust.Problem) -> Void) -> String? {
        do throws(PathTrust.Problem) {
            try body()
            return nil
        } catch {
            #expect(error.remedy.hasSuffix("set X to another place") || error.remedy.hasPrefix("remove it"))
            return error.cause
        }
    }

    @Test("A directory that others cannot write to is fit, and so is one that is not there yet")
    func fit() throws {
        let path = directory("own", mode: 0o755)
        #expect(try trust.check(ownDirectory: path) == path)
        #expect(try trust.check(ownDirectory: path + "/a/b") == path + "/a/b")
        #expect(try trust.check(ownDirectory: path + "/../own/./") == path)
        #expect(try trust.check(ownDirectory: "/") == "/")
    }

    @Test(
        "A directory on the way that others can write to is not, unless it is sticky",
        arguments: [0o777, 0o757, 0o1777]
    )
    func parents(mode: mode_t) {
        let parent = directory("open", mode: mode)
        _ = directory("open/own", mode: 0o700)
        let found = problem { () throws(PathTrust.Problem) in _ = try trust.check(ownDirectory: parent + "/own") }
        let octal = String(mode, radix: 8)
        let expected = "\(parent) can be written to by others (mode \(octal)), who could replace what is in it"
        #expect(found == (mode & 0o1000 != 0 ? nil : expected))
        // Others could make a missing directory first.
        let missing = problem { () throws(PathTrust.Problem) in _ = try trust.check(ownDirectory: parent + "/new/own") }
        #expect(missing == found)
    }

    @Test("A directory of one's own must not be writable for others itself", arguments: [0o700, 0o755, 0o702, 0o1777])
    func own(mode: mode_t) {
        let path = directory("own", mode: mode)
        let found = problem { () throws(PathTrust.Problem) in _ = try trust.check(ownDirectory: path) }
        #expect((found == nil) == (mode & 0o002 == 0))
    }

    @Test("What belongs to another user is not fit, wherever it is on the way")
    func owners() throws {
        guard Self.isRoot else { return }
        let other = directory("other", mode: 0o755, owner: 65_534)
        _ = directory("other/own", mode: 0o700)
        let found = problem { () throws(PathTrust.Problem) in _ = try trust.check(ownDirectory: other + "/own") }
        #expect(found == "\(other) belongs to user 65534, who could change what is in it")
        let itself = problem { () throws(PathTrust.Problem) in _ = try trust.check(ownDirectory: other) }
        #expect(itself == "\(other) belongs to user 65534, and this process runs as 0")
        // Root's parents are fit for everybody, and a user's own are for him.
        #expect(try PathTrust(elsewhere: "", user: 65_534).check(ownDirectory: other) == other)
    }

    @Test("Groups: a private one and root's are fit, others are not")
    func groups() throws {
        guard Self.isRoot else { return }
        let path = directory("own", mode: 0o775)
        #expect(problem { () throws(PathTrust.Problem) in try trust.check(path) } == nil)
        #expect(chown(path, 0, 65_534) == 0)
        #expect(problem { () throws(PathTrust.Problem) in try trust.check(path) }?.contains("(mode 775)") == true)
    }

    @Test("A link is followed, and where it leads is looked at as well; one of another user's is not fit")
    func links() throws {
        let own = directory("own", mode: 0o700)
        let open = directory("open", mode: 0o777)
        func link(_ name: String, to target: String) throws -> String {
            let path = scratch.path + "/" + name
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
            return path
        }
        #expect(try trust.check(ownDirectory: try link("relative", to: "own")) == own)
        #expect(try trust.check(ownDirectory: try link("up", to: "own/../own")) == own)
        #expect(try trust.check(ownDirectory: try link("absolute", to: own) + "/x") == own + "/x")
        let bad = try link("bad", to: open + "/x")
        let found = problem { () throws(PathTrust.Problem) in _ = try trust.check(ownDirectory: bad) }
        #expect(found?.hasPrefix("\(open) can be written to by others") == true)
        let loop = try link("loop", to: "loop")
        #expect(
            problem { () throws(PathTrust.Problem) in _ = try trust.check(ownDirectory: loop) }
                == "\(loop) leads nowhere"
        )
        guard Self.isRoot else { return }
        let foreign = try link("foreign", to: own)
        #expect(lchown(foreign, 65_534, 65_534) == 0)
        let other = problem { () throws(PathTrust.Problem) in _ = try trust.check(ownDirectory: foreign) }
        #expect(other == "\(foreign) belongs to user 65534, who could change where it leads to")
    }

    @Test("Within a directory everything counts, but for the modes of what others cannot reach")
    func contents() throws {
        let path = directory("own", mode: 0o700)
        _ = directory("own/closed", mode: 0o700)
        _ = directory("own/open", mode: 0o755)
        try scratch.file("own/closed/file", [], mode: 0o666)
        #expect(problem { () throws(PathTrust.Problem) in try trust.check(within: path) } == nil)
        try scratch.file("own/open/file", [], mode: 0o666)
        #expect(problem { () throws(PathTrust.Problem) in try trust.check(within: path) } == nil)
        #expect(chmod(path, 0o711) == 0)
        let found = problem { () throws(PathTrust.Problem) in try trust.check(within: path) }
        #expect(found == "\(path)/open/file can be written to by others (mode 666)")
        #expect(chmod(path + "/open/file", 0o644) == 0)
        try FileManager.default.createSymbolicLink(atPath: path + "/closed/link", withDestinationPath: "/etc")
        let link = problem { () throws(PathTrust.Problem) in try trust.check(within: path) }
        #expect(link == "\(path)/closed/link is a symbolic link")
    }

    // MARK: - What is looked at

    private func settings(_ more: [String: String] = [:]) throws -> Settings {
        try Settings.from(["STATE_DIR": scratch.path + "/state"].merging(more) { $1 })
    }

    @Test("STATE_DIR: what is believed is looked at, what else lies there is not; the doctor says the same")
    func state() throws {
        #expect(StateDirectory(try settings()).problem() == nil)
        _ = directory("state", mode: 0o755)
        _ = directory("state/store", mode: 0o777)
        _ = directory("state/broker", mode: 0o777)
        let problem = try #require(StateDirectory(try settings()).problem())
        #expect(problem.cause == "\(scratch.path)/state/broker can be written to by others (mode 777)")
        let findings = DirectoryChecks(settings: try settings()).findings().filter { $0.check == "state.directory" }
        #expect(findings == [.failure("state.directory", problem.cause, problem.remedy)])
        #expect(throws: TreeError(message: "STATE_DIR cannot be used: \(problem)")) {
            try StateDirectory(try settings()).make()
        }
        // On a broker elsewhere it is not read.
        #expect(StateDirectory(try settings(["RABBITMQ_URL": "amqp://h/"])).problem() == nil)
    }

    @Test("Settings and executables that others can change are told")
    func warnings() throws {
        let programs = directory("programs", mode: 0o755)
        try scratch.file("programs/stage-upload", [], mode: 0o755)
        let file = try scratch.file("settings", [], mode: 0o644)
        func checks() throws -> [String] {
            TrustedFiles.warnings(try settings(["CONFIG_FILE": file]), executablesDirectory: programs).map(\.check)
        }
        #expect(try checks() == [])
        #expect(chmod(file, 0o666) == 0 && chmod(programs + "/stage-upload", 0o777) == 0)
        #expect(try checks() == ["config.file", "executables"])
    }

    @Test("A run file that somebody else may have put there is not believed")
    func runFile() throws {
        let state = directory("state", mode: 0o755)
        let file = RunFile(pid: getpid(), port: 1, token: "t", brokerURL: "amqp://h", startedAt: "", version: "")
        try file.write(stateDirectory: state)
        #expect(RunFile.read(stateDirectory: state) == file)
        #expect(chmod(state, 0o777) == 0)
        #expect(RunFile.read(stateDirectory: state) == nil)
        #expect(chmod(state, 0o755) == 0 && chmod(state + "/supervisor.json", 0o666) == 0)
        #expect(RunFile.read(stateDirectory: state) == nil)
        #expect(rename(state + "/supervisor.json", state + "/other") == 0 && chmod(state + "/other", 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: state + "/supervisor.json", withDestinationPath: "other")
        #expect(RunFile.read(stateDirectory: state) == nil)
    }

    // MARK: - Processes that end

    @Test("A process that has been killed is known to die before it is gone; a stopped one is not")
    func dying() async throws {
        let dying = try await BlockingThread.run(named: "dying") { () -> [Bool]? in
            let request = SpawnRequest(executable: "/bin/sleep", arguments: ["60"], environment: [:])
            guard let process = try? request.spawn() else { return nil }
            var seen = [ProcessTable.isDying(process)]
            kill(process, SIGSTOP)
            seen.append(ProcessTable.isDying(process))
            kill(process, SIGKILL)
            seen.append(ProcessTable.isDying(process))
            waitpid(process, nil, 0)
            seen.append(ProcessTable.isDying(process))
            return seen
        }
        #expect(dying == [false, false, true, true])
    }

    @Test("A lock file that has another name as well is not written to")
    func linkedLock() throws {
        let victim = try scratch.file("victim", Array("precious".utf8))
        #expect(link(victim, scratch.path + "/lock") == 0)
        #expect(throws: FileFailure.self) { try ProcessLock(scratch.path + "/lock") }
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
    }
}
