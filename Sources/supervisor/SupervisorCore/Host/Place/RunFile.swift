internal import Files
internal import Glibc

/// `STATE_DIR/supervisor.json`: how the command line finds the running tree. Only its owner may read it, for the
/// broker's URL holds a password, and the token is one.
struct RunFile: Sendable, Codable, Equatable {
    static let name = "supervisor.json"

    var pid: Int32
    /// Where HTTP listens; absent in files of older versions.
    var address: String?
    var port: Int
    /// The secret that HTTP calls need to change something; absent in files of older versions.
    var token: String?
    var brokerURL: String
    /// Absolute path of the tree's workspace; absent in files of older versions.
    var workspace: String?
    /// ISO 8601.
    var startedAt: String
    var version: String

    static func path(stateDirectory: String) -> String { stateDirectory + "/" + name }

    func write(stateDirectory: String) throws {
        let text = String(decoding: try JSONText.encode(self, isPretty: true), as: UTF8.self) + "\n"
        try SmallFile.write(Self.path(stateDirectory: stateDirectory), text)
    }

    /// Reads the file of a running tree; nil when none runs from the directory. A file whose process is gone is a
    /// leftover, and one that somebody else may have put there is not believed.
    static func read(stateDirectory: String) -> RunFile? {
        guard let text = ownText(stateDirectory),
            let file = try? JSONText.decode(RunFile.self, from: Array(text.utf8)),
            ProcessTable.isRunning(file.pid)
        else { return nil }
        return file
    }

    /// The file's text when it is root's or this user's or, where root asks, the directory's owner's.
    private static func ownText(_ directory: String) -> String? {
        let path = path(stateDirectory: directory)
        guard let parent = FileStatus(path: directory), let file = FileStatus(entry: path), file.kind == .file else {
            return nil
        }
        let user = geteuid()
        let isDirectoryOwn = [0, user, file.owner].contains(parent.owner) && parent.permissions & 0o002 == 0
        guard isOwn(file, in: parent), isDirectoryOwn, file.permissions & 0o022 == 0 else { return nil }
        return SmallFile.read(path)
    }

    private static func isOwn(_ file: FileStatus, in directory: FileStatus) -> Bool {
        let user = geteuid()
        return [0, user].contains(file.owner) || user == 0 && file.owner == directory.owner
    }

    /// The owner of a run file that this user cannot read because it is another's. For a directory
    /// that this user may not look into it is the directory's owner.
    static func stranger(stateDirectory directory: String) -> uid_t? {
        guard let parent = FileStatus(path: directory) else {
            guard errno == EACCES else { return nil }
            let owner = ownerOfNearest(above: directory)
            return owner == geteuid() ? nil : owner
        }
        let path = path(stateDirectory: directory)
        if let file = FileStatus(entry: path) {
            return isOwn(file, in: parent) && access(path, R_OK) == 0 ? nil : file.owner
        }
        return errno == EACCES && parent.owner != geteuid() ? parent.owner : nil
    }

    /// The owner of the closest directory above a path that this user may look at.
    private static func ownerOfNearest(above path: String) -> uid_t? {
        var above = parentPath(path)
        while let path = above {
            if let status = FileStatus(path: path) { return status.owner }
            above = parentPath(path)
        }
        return FileStatus(path: "/")?.owner
    }

    static func remove(stateDirectory: String) { unlink(path(stateDirectory: stateDirectory)) }
}
