import Foundation
import TestSupport

/// A directory of a test's own, removed with the value.
final class Scratch: Sendable {
    let path: String

    init() {
        path = "/tmp/supervisor-test-\(UUID().uuidString.lowercased())"
        try? FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes a program.
    ///
    /// Another process writes it: a program cannot be started while any process has its file open for writing ("text
    /// file busy"), and a process that another test starts at that moment inherits the files that are open here.
    func program(_ name: String, copyOf original: String) async throws {
        try await ChildProcess.run("cp", [original, path + "/" + name])
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path + "/" + name)
    }

    /// Makes a program of a script.
    func program(_ name: String, script: String) async throws {
        try await program(name, copyOf: try file("script-\(name)", Array(script.utf8)))
    }

    /// Makes a file and returns its path.
    @discardableResult
    func file(_ name: String, _ bytes: [UInt8], mode: Int = 0o600) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }
}
