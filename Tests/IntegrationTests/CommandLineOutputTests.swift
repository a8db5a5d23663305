import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// The output of commands, its place, and their exit statuses.
@Suite("The command line's output", .serialized, .timeLimit(.minutes(10)))
struct CommandLineOutputTests {
    @Test("is JSON with the documented keys where --json is given")
    func documents() async throws {
        try await TestTree.with { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let submitted = try await tree.command("submit", tree.sources + "/photo.jpg", "--wait", "--json")
            #expect(submitted.exit == .status(0), "\(submitted)")
            let job = try #require(try submitted.document["jobs"]?.arrayValue?.first?.objectValue?["id"]?.stringValue)
            let commands: [(arguments: [String], keys: [String])] = [
                (["status"], ["health", "info", "pools"]), (["doctor"], ["version", "verdict", "findings"]),
                (["jobs"], ["jobs"]), (["jobs", job], ["id", "kind", "state", "outcome", "outputs", "timeline"]),
                (["redrive"], ["letters", "total"]),
                (["redrive", "--all"], ["jobs", "unreadable", "unseen", "errors"]),
                (["scale", "download.video=1"], ["pools"]), (["restart", "cleanup.video"], ["pools"]),
                (["orphans"], ["workspace", "orphans", "totalBytes"]), (["settings"], ["settings"]),
            ]
            for (arguments, keys) in commands {
                let run = try await tree.command(arguments + ["--json"])
                let document = try run.document
                for key in keys { #expect(document[ByteText(key)] != nil, "\(key) of \(arguments)") }
                // The doctor may have found something.
                if arguments != ["doctor"] { #expect(run.exit == .status(0), "\(arguments): \(run)") }
                #expect(run.errors == "", "\(arguments)")
            }
            let watched = try await tree.command("jobs", job, "--watch", "--json")
            #expect(watched.exit == .status(0))
            #expect(try watched.documents.last?["outcome"] == "completed")

            try await pipes(tree)
            try await colours(tree, job)
        }
    }

    /// A reader that is gone ends a command quietly, as it does other tools; a full disk does not.
    private func pipes(_ tree: TestTree) async throws {
        let supervisor = try BuiltExecutable.path("supervisor")
        for command in [
            "jobs", "jobs --watch", "jobs --watch --json", "status --json", "settings --markdown", "--help",
        ] {
            let script = #"exec 3> >(exit 0); wait $!; "$0" \#(command) >&3; echo $?"#
            let run = try await tree.shell("bash -c '\(script)' \"$1\"", [supervisor])
            #expect(run.output == "141\n" && run.errors == "", "\(command): \(run)")
        }
        let full = try await tree.shell(#""$1" jobs >/dev/full"#, [supervisor])
        #expect(full.exit == .status(74))
        #expect(full.errors == "Error: cannot write to standard output: No space left on device (errno 28)\n")
    }

    /// util-linux's `script` gives a command a terminal.
    private func colours(_ tree: TestTree, _ job: String) async throws {
        let supervisor = try BuiltExecutable.path("supervisor")
        func onTerminal(_ command: String, _ changes: [String: String] = [:]) async throws -> String {
            let variables = ["TERM": "xterm", "NO_COLOR": ""].merging(changes) { $1 }
            let run = try await tree.shell(
                #"script --quiet --return --command "$1 $2" /dev/null"#,
                [supervisor, command],
                changes: variables
            )
            #expect(run.exit == .status(0), "\(run)")
            return run.output
        }
        #expect(try await onTerminal("jobs").contains("\u{1B}[32mimage/\(job)"))
        for changes in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
            let text = try await onTerminal("jobs", changes)
            #expect(text.contains("image/\(job)") && !text.contains("\u{1B}"), "\(changes)")
        }
        #expect(try await !tree.command("jobs").output.contains("\u{1B}"))
        let watched = try await onTerminal("jobs \(job) --watch")
        #expect(watched.contains("████ 100 %  completed"))
        let dumb = try await onTerminal("jobs \(job) --watch", ["TERM": "dumb"])
        #expect(!dumb.contains("█") && dumb.contains("image/\(job): 100 % completed"))
    }

    @Test("says what was looked for when no supervisor runs, and what is wrong with a command")
    func failures() async throws {
        try await TestTree.with(["PORT": "1"], starting: false) { tree in
            let commands = [
                ["status"], ["jobs"], ["jobs", "x"], ["cancel", "x"], ["redrive"], ["redrive", "x"],
                ["scale", "process.video=2"], ["restart", "process"],
            ]
            for arguments in commands {
                for json in [[], ["--json"]] {
                    let run = try await tree.command(arguments + json)
                    #expect(run.exit == .status(69) && run.output == "", "\(arguments): \(run)")
                    for part in [
                        "there is no \(tree.directory)/state/supervisor.json of a running one (STATE_DIR)",
                        "nobody answers on 127.0.0.1:1 (HTTP_ADDRESS, PORT)", "start one with `supervisor run`",
                    ] { #expect(run.errors.contains(part), "\(part) in \(run.errors)") }
                }
            }
            let misuse: [(arguments: [String], message: String)] = [
                (["jobs", "--stage", "packing"], "'download', 'process', 'upload' or 'cleanup'"),
                (["jobs", "--state", "gone"], "active, finishing, finished"),
                (["jobs", "--outcome", "failed", "--state", "active"], "leave --state out"),
                (["jobs", "x", "--stage", "upload"], "an ID names one job"),
                (["jobs", "--limit", "0"], "--limit is 1 to"),
                (["jobs", ""], "names no job"), (["cancel"], "Missing expected argument"),
                (["cancel", "video/"], "names no job"), (["redrive", "x", "--all"], "not several of them"),
                (["scale", "process.video"], "is not POOL=WORKERS"),
                (["scale", "packing=1"], "there are download.video"),
                (["scale", "process=65"], "a pool has 0 to 64 workers"), (["restart", "packing"], "is no pool"),
                (["completions", "tcsh"], "bash"), (["settings", "--json", "--markdown"], "two different things"),
            ]
            for (arguments, message) in misuse {
                let run = try await tree.command(arguments)
                #expect(run.exit == .status(64) && run.output == "", "\(arguments): \(run)")
                #expect(run.errors.contains(message), "\(arguments): \(run.errors)")
            }
            let settings = try await tree.command("jobs", changes: ["PORT": "99999"])
            #expect(settings.exit == .status(78))
        }
    }
}
