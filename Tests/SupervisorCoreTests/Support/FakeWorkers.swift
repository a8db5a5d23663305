import Foundation
import JobModel
import Threads

@testable import SupervisorCore

/// A directory with a program for each stage that speaks the status protocol and does nothing else.
///
/// `FAKE_WORKER` in its environment makes it misbehave: `crash` exits at once, `stubborn` ignores SIGTERM, `talkative`
/// prints some hundred thousand bytes at SIGUSR1.
enum FakeWorkers {
    static func install(in scratch: Scratch) async throws {
        let script = """
            #!/bin/sh
            say() {
                printf '{"state":"%s","job":"j-%s","progress":40,"counters":{"completed":1,"failed":0,"retried":0,' \\
                    "$1" "$5" >&3
                printf '"rejected":0,"duplicates":0},"residentBytes":4096}\\n' >&3
            }
            [ "$FAKE_WORKER" = crash ] && exit 3
            if [ "$FAKE_WORKER" = stubborn ]; then trap '' TERM; else trap 'say draining "$@"; exit 0' TERM; fi
            trap 'echo it opens its log anew; exit 0' USR1
            if [ "$FAKE_WORKER" = talkative ]; then
                trap 'line=1
                while [ $line -lt 2000 ]; do echo "$line: much ado about nothing at all"; line=$((line + 1)); done' USR1
            fi
            say ready "$@"
            read -r line <&4
            """
        for stage in Stage.allCases {
            try await scratch.program("stage-\(stage.rawValue)", script: script)
        }
    }

    static let environment = ["PATH": "/usr/bin:/bin"]
}

/// A child of the test, and its reports.
final class WatchedChild: Sendable {
    private let host: ProcessHost
    private let id: ProcessHost.ChildID
    private let events: AsyncStream<ProcessHost.Event>

    struct Ended: Error {
        var lines: [String]
        var cause: String
    }

    /// - Parameter reports: the child's descriptor whose lines are watched.
    init(_ host: ProcessHost, _ request: SpawnRequest, reports: CInt = 1) {
        self.host = host
        let id = ProcessHost.ChildID.next()
        let (events, continuation) = AsyncStream.makeStream(of: ProcessHost.Event.self)
        self.id = id
        self.events = events
        host.start(id, request, reports: .descriptor(reports)) { event in
            continuation.yield(event)
            switch event {
            case .ended, .failed: continuation.finish()
            case .started, .line: break
            }
        }
    }

    func signal(_ signal: CInt, to target: ProcessHost.Target = .process) { host.signal(id, signal, to: target) }

    /// The first line with the text, and the child's process id where it was not read before.
    func line(containing text: String) async throws -> (line: String, processID: pid_t) {
        var lines: [String] = []
        var processID: pid_t = 0
        for await event in events {
            switch event {
            case .started(let started): processID = started
            case .line(let bytes):
                let line = String(decoding: bytes, as: UTF8.self)
                lines.append(line)
                if line.contains(text) { return (line, processID) }
            case .failed(let error): throw Ended(lines: lines, cause: error.description)
            case .ended(let exit): throw Ended(lines: lines, cause: exit.description)
            }
        }
        throw Ended(lines: lines, cause: "no more events")
    }

    /// All further lines, and the end.
    func end() async throws -> (lines: [String], exit: ProcessExit) {
        var lines: [String] = []
        for await event in events {
            switch event {
            case .line(let bytes): lines.append(String(decoding: bytes, as: UTF8.self))
            case .ended(let exit): return (lines, exit)
            case .failed(let error): throw Ended(lines: lines, cause: error.description)
            case .started: break
            }
        }
        throw Ended(lines: lines, cause: "no more events")
    }
}

/// All processes beneath one.
func descendants(of processID: pid_t) -> [pid_t] {
    ProcessTable.children(of: processID).flatMap { [$0] + descendants(of: $0) }
}

/// Waits, off the cooperative pool, until the processes have ended, and returns those that have not within ten seconds.
func remaining(_ processes: [pid_t]) async throws -> [pid_t] {
    try await BlockingThread.run(named: "wait") {
        processes.filter { !ProcessTable.waitForEnd(of: $0, milliseconds: 10_000) }
    }
}
