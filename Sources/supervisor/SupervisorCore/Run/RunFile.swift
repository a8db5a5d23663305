internal import Glibc

/// `STATE_DIR/supervisor.json`: how the command line finds the running tree. Only its owner may read it, for the
/// broker's URL holds a password, and the token is one.
struct RunFile: Sendable, Codable, Equatable {
    static let name = "supervisor.json"

    var pid: Int32
    /// Where HTTP listens; absent in files of older versions.
    var address: String?
    var port: Int
    /// What HTTP calls that change something need; absent in files of older versions.
    var token: String?
    var brokerURL: String
    /// ISO 8601.
    var startedAt: String
    var version: String

    static func path(stateDirectory: String) -> String { stateDirectory + "/" + name }

    func write(stateDirectory: String) throws {
        let text = String(decoding: try JSONText.encode(self, isPretty: true), as: UTF8.self) + "\n"
        try SmallFile.write(Self.path(stateDirectory: stateDirectory), text)
    }

    /// nil when no tree runs from the directory: a file whose process is gone is a leftover.
    static func read(stateDirectory: String) -> RunFile? {
        guard let text = SmallFile.read(path(stateDirectory: stateDirectory)),
            let file = try? JSONText.decode(RunFile.self, from: Array(text.utf8)),
            ProcessTable.isRunning(file.pid)
        else { return nil }
        return file
    }

    static func remove(stateDirectory: String) { unlink(path(stateDirectory: stateDirectory)) }
}
