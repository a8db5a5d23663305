package import Files
internal import Glibc
package import JobModel
package import Ledger

/// The directory that holds all temp files of this host: `$TEMP_DIR/media-processor`, mode 0700.
///
///     ledger.sqlite            the ledger
///     ledger.reserve           room on the disk that is kept for clean-up
///     jobs/<kind>/<job>/       one directory for each job
///     jobs/<kind>/<job>/.lease locked by the process that works on the job
package final class Workspace: Sendable {
    package static let directoryName = "media-processor"
    package static let jobsDirectory = "jobs"
    /// Held by the one supervisor of the workspace.
    package static let supervisorLockName = "supervisor.lock"

    /// Absolute and free of symbolic links, so that every process of the host writes the same path into manifests.
    package let path: String
    package let root: RootedDirectory

    private init(path: String, root: RootedDirectory) {
        self.path = path
        self.root = root
    }

    /// Makes the workspace where it is missing, and opens it.
    ///
    /// - Throws: ``TempFileError`` with code `workspaceUnusable` when the directory is a symbolic link, belongs to
    ///   another user, or when others may write to it.
    package static func open(temporaryDirectory: String) throws(TempFileError) -> Workspace {
        guard !temporaryDirectory.isEmpty, !temporaryDirectory.utf8.contains(0) else {
            throw unusable("TEMP_DIR is empty or holds a NUL character; set it to a directory")
        }
        let parent = try attempt(temporaryDirectory) { () throws(FileSystemError) in
            // The workspace may be a file system of its own.
            try RootedDirectory.create(temporaryDirectory, mode: 0o700, crossesMounts: true)
        }
        guard let resolved = realpath(temporaryDirectory, nil) else {
            throw unusable("TEMP_DIR \(temporaryDirectory) cannot be resolved (errno \(errno))", errno)
        }
        defer { free(resolved) }
        let parentPath = String(cString: resolved)
        let path = (parentPath == "/" ? "" : parentPath) + "/" + directoryName
        let found = try attempt(path) { () throws(FileSystemError) in
            if try parent.makeDirectory(directoryName, mode: 0o700) { try parent.synchronize() }
            return try parent.status(directoryName)
        }
        if let found, found.kind != .directory {
            throw unusable("\(path) is not a directory but a \(found.kind); remove it, or set TEMP_DIR elsewhere")
        }
        let root = try attempt(path) { () throws(FileSystemError) in
            try parent.openDirectory(directoryName, crossesMounts: false)
        }
        let status = try attempt(path) { () throws(FileSystemError) in try root.status() }
        if status.owner != geteuid() {
            throw unusable(
                "\(path) belongs to user \(status.owner), and this process runs as \(geteuid()); "
                    + "run as its owner (as root: `setpriv --reuid=\(status.owner) --regid=\(status.group) "
                    + "--init-groups COMMAND`), or set TEMP_DIR elsewhere"
            )
        }
        if status.permissions & 0o022 != 0 {
            throw unusable(
                "\(path) can be written by other users (mode \(String(status.permissions, radix: 8))); "
                    + "look for planted files, then `chmod 700 \(path)`"
            )
        }
        try refuseNetwork(path, root, status)
        try attempt(path) { () throws(FileSystemError) in
            for kind in MediaKind.allCases {
                let directory = jobsDirectory + "/" + kind.rawValue
                for made in try root.makeDirectories(directory) { try root.openDirectory(made.parent).synchronize() }
                // A new inode is looked for past all that were freed lately in its group, one by one, where ext4 has no
                // journal: with hundreds of small jobs a minute a third of the time went there.
                try root.openDirectory(directory).spreadSubdirectories()
            }
        }
        return Workspace(path: path, root: root)
    }

    /// Whether something of this name, relative to the workspace and at most two levels deep, is a part of every
    /// workspace.
    static func isPart(_ path: String) -> Bool {
        let known =
            [
                jobsDirectory, Ledger.fileName, Ledger.lockName, LedgerReserve.fileName, TempFileTracker.sweepLockName,
                supervisorLockName,
            ]
            + ["-wal", "-shm", "-journal"].map { Ledger.fileName + $0 }
            + MediaKind.allCases.map { jobsDirectory + "/" + $0.rawValue }
        return known.contains { $0.utf8.elementsEqual(path.utf8) }
            || path.startsWithBytes(of: Ledger.fileName + ".corrupt-")
    }

    /// The job's directory, relative to the workspace.
    package func directory(of job: JobKey) -> String {
        Self.jobsDirectory + "/" + job.kind.rawValue + "/" + job.directoryName
    }

    /// Where the file `name` of a job is. `name` is relative to the job's directory.
    package func absolutePath(of name: String, job: JobKey) -> String {
        path + "/" + directory(of: job) + "/" + name
    }

    /// The manifest entries of files of a job.
    package func entries(_ rows: [FileRow], of job: JobKey) -> [TempFileEntry] {
        rows.map { $0.entry(path: absolutePath(of: $0.name, job: job)) }
    }

    /// The name of a job's file, or nil when `absolute` is not inside that job's own directory. Text only: that no link
    /// leads out is seen to when the file is opened.
    package func relativePath(ofJobFile absolute: String, job: JobKey) -> String? {
        Files.relativePath(absolute, beneath: path + "/" + directory(of: job))
    }

    /// The job's directory, opened.
    package func open(_ job: JobKey) throws(FileSystemError) -> RootedDirectory {
        try root.openDirectory(directory(of: job))
    }

    private static func refuseNetwork(
        _ path: String,
        _ root: RootedDirectory,
        _ status: FileStatus
    ) throws(TempFileError) {
        let magic = try attempt(path) { () throws(FileSystemError) in try root.fileSystemMagic() }
        let type =
            NetworkFileSystem.isFuse(magic)
            ? NetworkFileSystem.type(ofDevice: status.device, mountInfo: NetworkFileSystem.mountInfo()) : nil
        guard let name = NetworkFileSystem.name(magic: magic, type: type) else { return }
        throw unusable(
            "\(path) is on a network file system (\(name)), where locks and the ledger cannot be relied on; "
                + "set TEMP_DIR to a directory on a local disk"
        )
    }

    private static func attempt<T>(_ path: String, _ body: () throws(FileSystemError) -> T) throws(TempFileError) -> T {
        do { return try body() } catch {
            throw TempFileError(
                code: .workspaceUnusable,
                message: "the workspace \(path) cannot be used: \(error); set TEMP_DIR to a directory "
                    + "that this user can write to",
                isRetriable: error.isRetriable,
                errno: error.errno
            )
        }
    }

    private static func unusable(_ message: String, _ errno: CInt? = nil) -> TempFileError {
        TempFileError(code: .workspaceUnusable, message: message, isRetriable: false, errno: errno)
    }
}
