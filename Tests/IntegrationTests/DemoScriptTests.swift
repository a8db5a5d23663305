import Foundation
import TestSupport
import Testing

/// `scripts/demo` with programs in place of the executables, to test its handling of their failures.
@Suite("The demo", .timeLimit(.minutes(5)))
struct DemoScriptTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Runs the demo with `script` as its `supervisor`, whose first argument is the command.
    private func withDemo(
        _ script: String,
        _ body: (_ directory: String, _ demo: ChildProcess) async throws -> Void
    ) async throws {
        let directory = "/tmp/media-processor-test-demo-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for name in ["bin", "scripts", "temp"] {
            try FileManager.default.createDirectory(atPath: directory + "/" + name, withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(atPath: Self.root + "/scripts/demo", toPath: directory + "/scripts/demo")
        let source = directory + "/source"
        try Data(("#!/bin/bash\n" + script).utf8).write(to: URL(filePath: source))
        // Written by a child, as a program that this process has open for writing cannot be run.
        try await ChildProcess.run("install", ["-m", "755", source, directory + "/bin/supervisor"])
        let demo = try ChildProcess(
            directory + "/scripts/demo",
            [source],
            environment: ["PATH": "/usr/bin:/bin", "TMPDIR": directory + "/temp", "MARK": directory + "/mark"],
            output: directory + "/output"
        )
        try await body(directory, demo)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/temp") == [])
    }

    @Test("says what the supervisor said when that does not start")
    func failure() async throws {
        try await withDemo(#"[ "$1" != run ] || echo "the cause of it"; exit 1"#) { directory, demo in
            #expect(await demo.wait() == .status(1))
            let output = try String(contentsOfFile: directory + "/output", encoding: .utf8)
            #expect(output.contains("demo: failed (exit status 1)"))
            #expect(output.hasSuffix("the cause of it\n"), "\(output)")
        }
    }

    @Test("ends at once by SIGTERM, with its supervisor and what waits for the jobs")
    func signal() async throws {
        let script = #"""
            case $1 in
                run) trap 'echo drained >>"$MARK"; exit 0' TERM; while :; do sleep 0.05; done ;;
                status) echo '"status": "healthy"' ;;
                submit) trap 'echo ended >>"$MARK"; exit 143' TERM; touch "$MARK"; while :; do sleep 0.05; done ;;
            esac
            """#
        try await withDemo(script) { directory, demo in
            try await eventually("it waits for the jobs") {
                FileManager.default.fileExists(atPath: directory + "/mark")
            }
            demo.send(SIGTERM)
            #expect(await demo.wait() == .status(143))
            let marks = { (try? String(contentsOfFile: directory + "/mark", encoding: .utf8)) ?? "" }
            try await eventually("both have ended") { marks().contains("ended\n") && marks().contains("drained\n") }
        }
    }
}
