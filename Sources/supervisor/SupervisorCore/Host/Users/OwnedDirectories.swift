internal import Files
internal import Glibc
internal import Logs
internal import Settings
internal import TempFiles
internal import Text
internal import WorkerProtocol

/// Looks whether the directories of the settings are for the user that this process runs as, before any is used.
/// Changes nothing.
struct OwnedDirectories {
    var settings: Settings
    var account: Account

    /// - Throws: ``PrivilegeError`` with every directory that is not, and the command that makes it so.
    static func check(_ settings: Settings) throws(PrivilegeError) {
        guard let wanted = settings.runAs else { return }
        let account = try Account(wanted)
        let problems = OwnedDirectories(settings: settings, account: account).problems()
        guard !problems.isEmpty else { return }
        let lines = problems.map { "  \($0.command)    # \($0.cause)" }
        throw PrivilegeError(
            message: "RUN_AS=\(wanted): directories are not for user \(account.owner). As root:\n"
                + lines.joined(separator: "\n")
        )
    }

    struct Problem: Equatable {
        var cause: String
        var command: String
    }

    func problems() -> [Problem] {
        var problems: [Problem] = []
        problems += owned(settings.temporaryDirectory + "/" + Workspace.directoryName)
        problems += owned(settings.stateDirectory)
        problems += writable(settings.logDirectory, files: { $0.startsWithBytes(of: LogWriter.fileName) })
        if let store = FileURL.path(settings.storageURL) {
            problems += writable(store, files: { _ in false })
        }
        return problems
    }

    /// A directory of ours alone, with all that lies in it.
    private func owned(_ path: String) -> [Problem] {
        guard let status = FileStatus(path: path) else { return absent(path) }
        if status.owner != account.userID { return [.init(cause: belongs(path, status), command: chown(path))] }
        for name in DirectoryEntries.names(path) {
            let entry = path + "/" + name
            if let status = FileStatus(entry: entry), status.owner != account.userID {
                return [.init(cause: belongs(entry, status), command: chown(path))]
            }
        }
        return []
    }

    /// A directory that we write to and others may as well.
    private func writable(_ path: String, files isOurs: (String) -> Bool) -> [Problem] {
        guard FileStatus(path: path) != nil else { return absent(path) }
        if access(path, W_OK | X_OK) != 0 {
            return [.init(cause: "\(path): \(systemMessage(errno))", command: chown(path))]
        }
        for name in DirectoryEntries.names(path).filter(isOurs) where access(path + "/" + name, W_OK) != 0 {
            return [.init(cause: "\(path)/\(name): \(systemMessage(errno))", command: chown(path))]
        }
        return []
    }

    /// A directory that will be made where we can.
    private func absent(_ path: String) -> [Problem] {
        let failure = errno
        guard failure == ENOENT else {
            return [.init(cause: "\(path): \(systemMessage(failure))", command: chown(path))]
        }
        var existing = Paths.absolute(path)
        while access(existing, F_OK) != 0, let parent = parentPath(existing) { existing = parent }
        if access(existing, W_OK | X_OK) == 0 { return [] }
        return [
            .init(
                cause: "\(path) is not there, and \(existing): \(systemMessage(errno))",
                command: "mkdir -p \(quoted(path)) && \(chown(path))"
            )
        ]
    }

    private func belongs(_ path: String, _ status: FileStatus) -> String { "\(path) belongs to user \(status.owner)" }

    private func chown(_ path: String) -> String { "chown -R \(account.owner) \(quoted(path))" }

    /// For a shell.
    private func quoted(_ path: String) -> String {
        let isPlain = path.utf8.allSatisfy { byte in
            (0x2b...0x3a).contains(byte) || (0x40...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f
        }
        if isPlain { return path }
        let quote = UInt8(ascii: "'")
        let parts = path.utf8.split(separator: quote, omittingEmptySubsequences: false)
        return "'" + String(decoding: Array(parts.joined(separator: "'\\''".utf8)), as: UTF8.self) + "'"
    }
}
