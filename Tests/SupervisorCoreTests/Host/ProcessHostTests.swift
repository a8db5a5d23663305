import Foundation
import Queues
import Testing

@testable import SupervisorCore

@Suite(.timeLimit(.minutes(10)))
struct ProcessHostTests {
    private let host: ProcessHost

    init() throws { host = try ProcessHost() }

    private func shell(_ script: String, _ arguments: String...) -> SpawnRequest {
        SpawnRequest(
            executable: "/bin/sh",
            arguments: ["-c", script, "sh"] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "GREETING": "good day"]
        )
    }

    @Test("A child's lines and its exit status arrive, in order")
    func linesAndStatus() async throws {
        let child = WatchedChild(host, shell("echo one; echo \"$GREETING\"; printf unfinished; exit 7"))
        let (lines, exit) = try await child.end()
        #expect(lines == ["one", "good day"])
        #expect(exit == .status(7))
    }

    @Test("What a child writes to its standard streams is captured, its last words without a line feed too")
    func output() async throws {
        let (lines, sink) = AsyncStream.makeStream(of: String.self)
        let request = shell("echo one; echo two >&2; echo report >&3; printf 'last words'; kill -9 $$")
        host.start(.next(), request, reports: .descriptor(3)) { line in
            sink.yield(String(decoding: line, as: UTF8.self))
        } handler: { event in
            switch event {
            case .line(let line): sink.yield("reported: " + String(decoding: line, as: UTF8.self))
            case .ended(let exit):
                sink.yield(exit.description)
                sink.finish()
            case .started, .failed: break
            }
        }
        let all = await lines.reduce(into: []) { $0.append($1) }
        #expect(all.filter { $0 != "reported: report" } == ["one", "two", "last words", "signal 9 (SIGKILL)"])
        #expect(all.contains("reported: report"))
    }

    @Test("The end by a signal is told apart from an exit status")
    func signalled() async throws {
        let child = WatchedChild(host, shell("echo up; read -r line < /dev/zero"))
        _ = try await child.line(containing: "up")
        child.signal(SIGKILL)
        #expect(try await child.end().exit == .signal(SIGKILL))
        #expect(ProcessExit.signal(SIGKILL).description == "signal 9 (SIGKILL)")
    }

    @Test("A program that is not there is a failed start that names it")
    func missing() async {
        let child = WatchedChild(
            host,
            SpawnRequest(executable: "/nowhere/program", arguments: [], environment: [:])
        )
        await #expect(throws: WatchedChild.Ended.self) { try await child.end() }
    }

    @Test("A child begins with no signal blocked or ignored, in a process group of its own, and with nothing to read")
    func cleanStart() async throws {
        signal(SIGPIPE, SIG_IGN)
        let child = WatchedChild(
            host,
            shell("grep -E '^Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f5 /proc/$$/stat; wc -c; echo $$")
        )
        let (lines, _) = try await child.end()
        try #require(lines.count == 5)
        // The C library keeps one of its own signals, number 32, ignored in a spawned child.
        func mask(_ line: String) -> UInt64? { line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } }
        #expect(mask(lines[0]) == 0)
        #expect(mask(lines[1]).map { $0 & 0x7FFF_FFFF } == 0)
        #expect(lines[2] == lines[4])
        #expect(lines[3] == "0")
    }

    @Test("A child has a descriptor of ours under the number that it was told, and under no other")
    func descriptors() async throws {
        let pipe = try PipeEnds.make()
        defer {
            close(pipe.readEnd)
            close(pipe.writeEnd)
        }
        var request = shell("ls -l /proc/$$/fd; true")
        request.descriptors = [5: pipe.readEnd]
        let (lines, _) = try await WatchedChild(host, request).end()
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(pipe.readEnd)")
        let found = lines.filter { $0.hasSuffix(target) }
        #expect(found.count == 1)
        #expect(found.first?.contains(" 5 -> ") == true)
    }

    @Test("What a child leaves behind in its group is killed with it")
    func group() async throws {
        let child = WatchedChild(host, shell("sleep 1000 & echo $!"))
        let orphan = try #require(pid_t(try await child.end().lines.first ?? ""))
        #expect(try await remaining([orphan]) == [])
    }

    @Test("A line without an end is dropped, and the next one is read")
    func endlessLine() {
        var splitter = LineSplitter()
        #expect(splitter.add(Array("a\nb".utf8)) == [Array("a".utf8)])
        #expect(splitter.add([UInt8](repeating: 0x78, count: 200_000)) == [])
        #expect(splitter.add(Array("end\nnext\n\n".utf8)) == [Array("next".utf8), []])
    }
}
