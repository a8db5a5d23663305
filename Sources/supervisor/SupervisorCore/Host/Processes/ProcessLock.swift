internal import CLinux
internal import Files
internal import Glibc

/// A file that one process tree at a time may hold, with the holders' process ids in it.
///
/// The lock belongs to the open file description: it ends with the last process that inherited the descriptor, however
/// that process ends.
final class ProcessLock: Sendable {
    let descriptor: CInt
    private let path: String

    /// Somebody else holds it.
    struct Held: Error, Equatable {
        var path: String
        /// As the file names them; empty when it does not.
        var holders: [pid_t]
    }

    /// - Throws: ``Held``, or ``FileFailure``.
    init(_ path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw FileFailure(operation: "open", path: path, errno: errno) }
        // Through a second name the process ids would be written into another file.
        guard let status = FileStatus(descriptor: file), status.kind == .file, status.linkCount == 1 else {
            close(file)
            throw FileFailure(operation: "lock, since it is not a file with one name:", path: path, errno: EINVAL)
        }
        let failure = clinux_lock_exclusively(file)
        guard failure == 0 else {
            close(file)
            if failure == EAGAIN || failure == EACCES { throw Held(path: path, holders: Self.holders(path)) }
            throw FileFailure(operation: "lock", path: path, errno: failure)
        }
        descriptor = file
        self.path = path
        note([getpid()])
    }

    deinit { close(descriptor) }

    /// Writes the holders of the lock into the file, for a process that is refused.
    func note(_ processIDs: [pid_t]) {
        let text = Array((processIDs.map(String.init).joined(separator: " ") + "\n").utf8)
        ftruncate(descriptor, 0)
        _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// As the file of a lock names them.
    static func holders(_ path: String) -> [pid_t] {
        (SmallFile.read(path, limit: 256) ?? "").split(whereSeparator: \.isWhitespace).compactMap { pid_t($0) }
    }
}
