internal import Files
internal import Glibc
internal import Text

/// Files of ours that are read and written whole.
enum SmallFile {
    /// The file's text up to `limit` bytes, or nil when it cannot be read.
    static func read(_ path: String, limit: Int = 1 << 20) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 8192)
        while bytes.count < limit {
            let count = Glibc.read(file, &piece, min(piece.count, limit - bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The target of a symbolic link; nil when the path is no link, or not this user's to read.
    static func target(ofLink path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    /// The end of a file, for error messages.
    static func lastLines(_ path: String, count: Int, limit: Int = 8192) -> [String] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        let end = lseek(file, 0, SEEK_END)
        guard end > 0 else { return [] }
        lseek(file, max(0, end - limit), SEEK_SET)
        var bytes = [UInt8](repeating: 0, count: limit)
        let received = Glibc.read(file, &bytes, bytes.count)
        guard received > 0 else { return [] }
        return String(decoding: bytes[..<received], as: UTF8.self)
            .split(separator: "\n")
            .filter { line in line.contains { !$0.isWhitespace } }
            .suffix(count).map(String.init)
    }

    /// Replaces the file in one step: a reader sees the old text or the new, and only its owner may read it.
    static func write(_ path: String, _ text: String) throws(FileFailure) {
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw FileFailure(operation: "create", path: temporary, errno: errno) }
        do {
            defer { close(file) }
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                if count >= 0 {
                    rest = rest.dropFirst(count)
                } else if errno != EINTR {
                    let failure = errno
                    unlink(temporary)
                    throw FileFailure(operation: "write", path: temporary, errno: failure)
                }
            }
            // The credentials must not come back empty after a power cut.
            if fsync(file) != 0 { throw FileFailure(operation: "fsync", path: temporary, errno: errno) }
        }
        guard rename(temporary, path) == 0 else {
            let failure = errno
            unlink(temporary)
            throw FileFailure(operation: "rename to", path: path, errno: failure)
        }
    }

    /// Makes the directory and those above it that are missing, for their owner only. Existing ones stay as they are.
    static func makePrivateDirectory(_ path: String) throws(FileFailure) {
        var made = path.utf8.first == UInt8(ascii: "/") ? "" : "."
        for component in pathComponents(path) {
            made += "/" + component
            if mkdir(made, 0o700) != 0, access(made, F_OK) != 0 {
                throw FileFailure(operation: "mkdir", path: made, errno: errno)
            }
        }
    }
}

/// A file of ours could not be used.
struct FileFailure: Error, Equatable, CustomStringConvertible {
    var operation: String
    var path: String
    var errno: CInt

    var description: String { "cannot \(operation) \(path): \(systemMessage(errno))" }
}
