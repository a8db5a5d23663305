import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@testable import SupervisorCore

/// The documents that are made from the parser: completions, the manual page and the reference.
@Suite("The command line's documents", .timeLimit(.minutes(10)))
struct CommandLineDocumentsTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    @Test("are what the parser says; if not, run `scripts/generate-cli .build/debug/supervisor`")
    func current() async throws {
        let supervisor = try BuiltExecutable.path("supervisor")
        try await ChildProcess.run(Self.root + "/scripts/check-documents", [supervisor])
    }

    @Test(
        "The packages of a host without Swift are those that the executables link, in the script and in the document"
    )
    func packages() async throws {
        let script = #"""
            # Whoever reads a pipe reads all of it, or its writer would die of that.
            set -eo pipefail
            for name in supervisor stage-download stage-process stage-upload stage-cleanup; do
                readelf --dynamic "$1/$name" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
            done | sort -u | while read -r library; do
                path=$(ldconfig -p | awk -v name="$library" '$1 == name && !found++ { print $NF }')
                # Those of Swift lie beside the executables.
                [ -z "$path" ] || dpkg --search "*/$(basename "$(realpath "$path")")" | awk -F : 'NR == 1 { print $1 }'
            done | sort -u
            """#
        let directory = URL(filePath: try BuiltExecutable.path("supervisor")).deletingLastPathComponent().path
        let linked = try await ChildProcess.run("bash", ["-c", script, "bash", directory])
        let needed = Set(linked.split(separator: "\n").map(String.init)).subtracting(["libc6"])
        let listed = try await ChildProcess.run(Self.root + "/scripts/bootstrap", ["run", "--list"])
        let names = listed.split(separator: "\n").map(String.init)
        #expect(needed.count > 10)
        #expect(needed.subtracting(names) == [])
        let page = try String(contentsOfFile: Self.root + "/docs/supervision.md", encoding: .utf8)
        let words = Set(page.split(whereSeparator: { $0.isWhitespace }).map(String.init))
        #expect(Set(names).subtracting(words) == [])
    }

    @Test("Help of a stage's executable says what it is", arguments: ["download", "process", "upload", "cleanup"])
    func stages(name: String) async throws {
        let help = try await ChildProcess.run(try BuiltExecutable.path("stage-\(name)"), ["--help"])
        #expect(help.hasPrefix("OVERVIEW: Works on the jobs of one stage of the media processor."))
        #expect(help.contains("\nUSAGE: stage-\(name) --kind <kind>"), "\(help)")
    }

    @Test("Help has a line for each command, and names every exit status")
    func help() async throws {
        let help = try await ChildProcess.run(try BuiltExecutable.path("supervisor"), ["--help"])
        let commands = [
            "run", "status", "doctor", "submit", "jobs", "cancel", "redrive", "scale", "restart", "orphans",
            "settings", "completions",
        ]
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for command in commands {
            let index = try #require(lines.firstIndex { $0.hasPrefix("  \(command) ") }, "\(command)")
            // One that does not fit goes on in the next line, deeper.
            #expect(!lines[index + 1].hasPrefix("    "), "\(command)")
        }
        for status in ["0", "1", "2", "64", "69", "74", "77", "78", "130"] {
            #expect(lines.contains { $0.trimmingCharacters(in: .whitespaces).hasPrefix(status + "  ") }, "\(status)")
        }
        #expect(!help.contains("private-broker"))
    }

    /// Completes a word as bash does. The arguments are the executable, then the words after the command's name.
    private static let script = #"""
        set -e
        source <("$1" completions bash)
        command=$1
        shift
        COMP_WORDS=("$command" "$@")
        COMP_CWORD=$#
        COMP_LINE="${COMP_WORDS[*]}"
        COMP_POINT=${#COMP_LINE}
        COMP_TYPE=9
        COMP_KEY=9
        set +e
        compopt() { printf 'compopt %s\n' "$*"; }
        _supervisor_unspaced supervisor "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}"
        """#

    struct Completion: Sendable {
        var words: [String]
        var offered: [String]
        var withheld: [String] = []
    }

    @Test(
        "bash completes commands, options and pools",
        arguments: [
            Completion(words: [""], offered: ["jobs", "scale", "completions"], withheld: ["private-broker"]),
            Completion(words: ["re"], offered: ["redrive", "restart"], withheld: ["run"]),
            Completion(words: ["jobs", "--o"], offered: ["--outcome"], withheld: ["--kind"]),
            Completion(words: ["jobs", "--stage", ""], offered: ["download", "cleanup"], withheld: ["jobs"]),
            Completion(words: ["jobs", "--state", "f"], offered: ["finishing", "finished"], withheld: ["active"]),
            Completion(
                words: ["scale", "process.v"],
                offered: ["process.video=", "compopt +o filenames -o nospace"],
                withheld: ["process.image="]
            ),
            Completion(
                words: ["restart", "upload.video", "cl"],
                offered: ["cleanup", "cleanup.image"],
                withheld: ["upload"]
            ),
            Completion(words: ["cancel", "--kind", "v"], offered: ["video"], withheld: ["image"]),
        ]
    )
    func bash(_ row: Completion) async throws {
        let supervisor = try BuiltExecutable.path("supervisor")
        let output = try await ChildProcess.run("bash", ["-c", Self.script, "bash", supervisor] + row.words)
        let offers = output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        for word in row.offered { #expect(offers.contains(word), "\(word) in \(offers)") }
        for word in row.withheld { #expect(!offers.contains(word), "\(word) in \(offers)") }
    }

    @Test("bash completes jobs that there are")
    func jobs() async throws {
        try await TestTree.with { tree in
            try await tree.submit(.image, id: "no-such-file", source: "none")
            _ = try await tree.updates(.image, untilTheEndOf: ["no-such-file"])
            for (command, offers) in [("jobs", true), ("redrive", true), ("cancel", false)] {
                let run = try await tree.shell(Self.script, [try BuiltExecutable.path("supervisor"), command, "im"])
                #expect(run.output.contains("image/no-such-file") == offers, "\(command): \(run)")
            }
        }
    }

    @Test("A unit of systemd does not start a supervisor again that has wrong settings")
    func unit() throws {
        let unit = try String(contentsOfFile: Self.root + "/packaging/media-processor.service", encoding: .utf8)
        #expect(unit.contains("\nRestartPreventExitStatus=\(CommandExit.configuration.rawValue)\n"))
    }

    @Test("The scripts of all shells are read by them", arguments: ["bash", "zsh", "fish"])
    func syntax(shell: String) async throws {
        let script = #""$1" completions "$2" >"$3" && "$2" -n "$3""#
        let file = NSTemporaryDirectory() + "completions-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let supervisor = try BuiltExecutable.path("supervisor")
        let output = try await ChildProcess.run("bash", ["-c", script, "bash", supervisor, shell, file])
        #expect(output == "")
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count > 50)
    }
}
