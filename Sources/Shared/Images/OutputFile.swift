import Glibc

/// Writes complete files. The caller keeps track of the path, so a partial file is left to the caller.
enum OutputFile {
    /// Creates the file, or replaces one that an earlier attempt left under the same path. A symbolic link is refused.
    ///
    /// - Throws: ``ImageError/Code/writeFailed``, retriable, with the `errno`.
    static func write(_ file: [UInt8], to path: String, _ watch: EvaluationWatch) throws(ImageError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw failure(path, errno) }
        do throws(ImageError) {
            try writeAll(file, to: descriptor, path, watch)
        } catch {
            close(descriptor)
            throw error
        }
        // Some file systems report a full disk or quota only here.
        guard close(descriptor) == 0 else { throw failure(path, errno) }
    }

    private static let pieceBytes = 1 << 20

    private static func writeAll(
        _ file: [UInt8],
        to descriptor: Int32,
        _ path: String,
        _ watch: EvaluationWatch
    ) throws(ImageError) {
        var rest = file[...]
        while !rest.isEmpty {
            try watch.checkCancellation()
            let count = rest.prefix(pieceBytes).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(path, errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    private static func failure(_ path: String, _ code: Int32) -> ImageError {
        ImageError(
            .writeFailed,
            "\(path) could not be written: \(String(cString: strerror(code)))",
            isRetriable: true,
            systemError: code
        )
    }
}
