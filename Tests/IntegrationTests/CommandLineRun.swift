import Foundation
import JobModel
import TestSupport
import Testing

/// A command of the command line, run to its end.
struct CommandLineRun {
    var exit: ChildProcess.Exit
    var output: String
    var errors: String

    /// Standard output as one JSON object.
    var document: [ByteText: JSONValue] {
        get throws { try #require(try JSONValue(parsing: Array(output.utf8)).objectValue, "\(output)\(errors)") }
    }

    /// Standard output as a JSON object for each line.
    var documents: [[ByteText: JSONValue]] {
        get throws {
            try output.split(separator: "\n").map { line in
                try #require(try JSONValue(parsing: Array(line.utf8)).objectValue, "\(line)")
            }
        }
    }
}

extension TestTree {
    /// Runs `supervisor` with the tree's environment.
    ///
    /// - Parameter changes: variables of the command alone.
    func command(_ arguments: String..., changes: [String: String] = [:]) async throws -> CommandLineRun {
        try await command(arguments, changes: changes)
    }

    func command(_ arguments: [String], changes: [String: String] = [:]) async throws -> CommandLineRun {
        try await shell(#"exec "$@""#, try [BuiltExecutable.path("supervisor")] + arguments, changes: changes)
    }

    /// Runs a script of bash with arguments.
    func shell(
        _ script: String,
        _ arguments: [String] = [],
        changes: [String: String] = [:]
    ) async throws -> CommandLineRun {
        let (output, errors) = (directory + "/command-\(UUID().uuidString)", directory + "/errors-\(UUID().uuidString)")
        let process = try ChildProcess(
            "/bin/bash",
            ["-c", "exec 2>\"$1\"; shift; " + script, "bash", errors] + arguments,
            environment: environment.merging(changes) { $1 },
            output: output
        )
        let exit = await process.wait()
        return CommandLineRun(
            exit: exit,
            output: (try? String(contentsOfFile: output, encoding: .utf8)) ?? "",
            errors: (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        )
    }
}
