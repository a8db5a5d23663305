internal import CLinux
internal import Glibc

/// Attributes that go with the file itself, wherever it is moved, and end with it. Some file systems have none.
extension OpenFile {
    /// nil where there is none, also where the file system has no attributes.
    package func attribute(_ name: String) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 4096)
        let count = clinux_attribute(descriptor, name, &value, value.count)
        return count >= 0 ? Array(value.prefix(count)) : nil
    }

    /// - Returns: false where the file system has no attributes, or no room for this one.
    package func setAttribute(_ name: String, _ value: [UInt8]) throws(FileSystemError) -> Bool {
        switch clinux_set_attribute(descriptor, name, value, value.count) {
        case 0: return true
        case ENOTSUP, ENOSPC, EDQUOT, E2BIG, EPERM: return false
        case let failure: throw .init(operation: "fsetxattr", path: path, errno: failure)
        }
    }

    /// Whoever reads the file after this call finds no such attribute. It is none where there was none.
    package func removeAttribute(_ name: String) throws(FileSystemError) {
        switch clinux_remove_attribute(descriptor, name) {
        case 0, ENODATA, ENOTSUP: return
        case let failure: throw .init(operation: "fremovexattr", path: path, errno: failure)
        }
    }

    package func truncate(to sizeBytes: Int64) throws(FileSystemError) {
        if ftruncate(descriptor, off_t(sizeBytes)) != 0 {
            throw .init(operation: "ftruncate", path: path, errno: errno)
        }
    }

    /// The next read or write is from there on.
    package func seek(to offset: Int64) throws(FileSystemError) {
        if lseek(descriptor, off_t(offset), SEEK_SET) < 0 {
            throw .init(operation: "lseek", path: path, errno: errno)
        }
    }
}
