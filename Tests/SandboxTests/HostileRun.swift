import Foundation
import Glibc
import Sandbox
import TestSupport

/// `hostile-child` in a directory of its own.
final class HostileRun: Sendable {
    enum Outcome: Equatable, Sendable {
        case refused(Int32)
        case killed(Int32)
        case other(String)

        init(_ words: Substring) {
            let parts = words.split(separator: " ")
            let number = parts.dropFirst().first.flatMap { Int32($0) } ?? -1
            switch parts.first {
            case "refused": self = .refused(number)
            case "killed": self = .killed(number)
            default: self = .other(String(words))
            }
        }
    }

    private let directory = FileManager.default.temporaryDirectory.appending(path: "hostile-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// What became of each action, by its name.
    func run(_ arguments: [String]) async throws -> [String: Outcome] {
        let program = try BuiltExecutable.path("hostile-child")
        let text = try await ChildProcess.run(program, [directory.path] + arguments)
        return text.split(separator: "\n").reduce(into: [:]) { outcomes, line in
            let parts = line.split(separator: "\t")
            if parts.count == 2 { outcomes[String(parts[0])] = Outcome(parts[1]) }
        }
    }

    /// The names in the directory with what the files say; the file that was given may say anything.
    func contents() throws -> [String: String?] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).reduce(into: [:]) { found, name in
            found[name] =
                name == "given"
                ? .some(nil) : .some(try? String(contentsOfFile: directory.path + "/" + name, encoding: .utf8))
        }
    }
}

extension Sandbox {
    /// As `hostile-child` finds it: tests have many threads, and cannot fork.
    static func stateHere() -> SandboxState? {
        guard let program = try? BuiltExecutable.path("hostile-child") else { return nil }
        guard let pipe = popen("\(program) / state", "r") else { return nil }
        defer { pclose(pipe) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, pipe)
        return try? JSONDecoder().decode(SandboxState.self, from: Data(bytes[..<count]))
    }
}
