internal import CLinux
internal import CrashPoints
internal import Files
internal import Glibc

/// The file in a job's directory whose lock says that somebody works on the job.
///
/// The lock is an open-file-description lock: the kernel drops it when the last descriptor closes, also when the
/// process is killed, so a lease is never stale.
final class LeaseFile: Sendable {
    static let name = ".lease"

    private let file: OpenFile
    let identity: FileIdentity

    private init(file: consuming OpenFile, identity: FileIdentity) {
        self.file = file
        self.identity = identity
    }

    deinit { unlock() }

    var descriptor: CInt { file.descriptor }

    /// Opens the lease file of `directory`, not locked yet, and makes it where it is missing.
    ///
    /// Something else at its place is put out of the way by its name: everything beneath the workspace is ours alone.
    ///
    /// - Parameter makesDirectory: whether a missing directory is made, in the place of anything else.
    /// - Returns: nil when there is no directory and none is to be made.
    static func open(
        _ root: RootedDirectory,
        directory: String,
        makesDirectory: Bool
    ) throws(FileSystemError) -> LeaseFile? {
        let path = directory + "/" + name
        // A directory that others make and remove at the same time is met again after a few tries.
        for _ in 0..<32 {
            let parent = try root.status(directory)
            if parent?.kind != .directory {
                if !makesDirectory { return nil }
                if parent != nil { try root.removeFile(directory) }
                try root.makeDirectory(directory)
                CrashPoint.jobDirectoryMade.cross()
            }
            switch try root.status(path)?.kind {
            case .file, nil: break
            // The clean-up empties it under its new name.
            case .directory: try root.rename(path, to: directory + "/.stray-\(UInt64.random(in: 0 ... .max))")
            case .symbolicLink, .other: try root.removeFile(path)
            }
            do throws(FileSystemError) {
                // O_NONBLOCK: the open of a pipe put there meanwhile returns at once.
                let file = try root.openFile(path, flags: O_RDWR | O_CREAT | O_NONBLOCK)
                CrashPoint.leaseFileMade.cross()
                let status = try file.status()
                if status.kind == .file { return LeaseFile(file: file, identity: FileIdentity(status)) }
            } catch  where error.isNotFound || error.isOutsideRoot {
                continue
            }
        }
        throw .init(operation: "open lease", path: path, errno: EAGAIN)
    }

    /// Whether the lock is ours now; false when another holds it.
    func tryLock() throws(FileSystemError) -> Bool {
        switch clinux_lock_exclusively(descriptor) {
        case 0: return true
        case EAGAIN, EACCES: return false
        case let failure: throw .init(operation: "lock", path: file.path, errno: failure)
        }
    }

    /// Given up by name before the descriptor closes, since a child that is being spawned may hold a copy of it.
    func unlock() { _ = clinux_unlock(descriptor) }

    /// Whether the path still names this file. The lease file is removed by its holder when a job is cleaned up; who
    /// gets the lock afterwards has the lock of nothing.
    func isCurrent(_ root: RootedDirectory, directory: String) throws(FileSystemError) -> Bool {
        try root.status(directory + "/" + Self.name).map { FileIdentity($0) } == identity
    }

    /// Whether somebody holds the lease of `directory` now. Changes nothing on disk.
    static func isHeld(_ root: RootedDirectory, directory: String) throws(FileSystemError) -> Bool {
        let path = directory + "/" + name
        do throws(FileSystemError) {
            guard let found = try root.status(path), found.kind == .file else { return false }
            let file = try root.openFile(path, flags: O_RDONLY | O_NONBLOCK)
            let answer = clinux_is_locked_elsewhere(file.descriptor)
            if answer < 0 { throw .init(operation: "lock", path: path, errno: -answer) }
            return answer == 1
        } catch  where error.isNotFound || error.isOutsideRoot {
            // Removed meanwhile, or a link in the directory's place: nobody's lease.
            return false
        }
    }
}
