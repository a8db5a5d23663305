internal import CLinux
internal import Files
internal import Glibc

extension NewObject.Content {
    /// Opens the content for reading, at its beginning. Bytes are given as a file that is in memory alone.
    ///
    /// - Throws: ``FileSystemError``. Blocks.
    func open() throws(FileSystemError) -> OpenFile {
        switch self {
        case .file(let path):
            let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
            let file = OpenFile(owning: Glibc.open(path, flags), path: path)
            if file.descriptor < 0 { throw FileSystemError(operation: "open", path: path, errno: errno) }
            let status = try file.status()
            guard status.kind == .file else { throw FileSystemError(operation: "open", path: path, errno: EINVAL) }
            return file
        case .bytes(let bytes):
            let name = "an object in memory"
            let file = OpenFile(owning: clinux_memory_file(name), path: name)
            if file.descriptor < 0 { throw FileSystemError(operation: "memfd_create", path: name, errno: errno) }
            try file.write(bytes)
            if lseek(file.descriptor, 0, SEEK_SET) != 0 {
                throw FileSystemError(operation: "lseek", path: name, errno: errno)
            }
            return file
        }
    }
}
