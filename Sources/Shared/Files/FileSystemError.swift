internal import Glibc
internal import Text

/// A failed call to the file system: the operation, the path, and the errno.
package struct FileSystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The call, such as `open` or `unlink`.
    package var operation: String
    /// The path as the caller gave it, relative to its root.
    package var path: String
    /// The kernel's answer.
    package var errno: CInt

    package init(operation: String, path: String, errno: CInt) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// The path leaves its root, or leads through a symbolic link or a mount.
    package var isOutsideRoot: Bool { errno == EXDEV || errno == ELOOP }
    package var isNotFound: Bool { errno == ENOENT || errno == ENOTDIR }
    /// Nothing is wrong with the file: the disk, the quota or the descriptor table is full, or the device failed.
    package var isRetriable: Bool {
        switch errno {
        case ENOSPC, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, EAGAIN, EBUSY, EINTR, ESTALE: true
        default: false
        }
    }

    package var description: String {
        let reason =
            isOutsideRoot ? "the path leaves its root or passes a symbolic link or mount" : systemMessage(errno)
        return "\(operation) \(path): \(reason)"
    }
}
