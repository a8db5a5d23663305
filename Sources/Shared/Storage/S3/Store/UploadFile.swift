internal import Digests
internal import Files
internal import Glibc
internal import Threads

/// A file that is being uploaded. It is read by offset only, by any number of threads at a time, and closed when nobody
/// has it any more.
final class UploadFile: Sendable {
    private let file: OpenFile
    let sizeBytes: Int64

    private static let pieceBytes = 256 << 10

    var descriptor: CInt { file.descriptor }

    /// - Throws: ``FileSystemError``. Blocks.
    init(_ content: NewObject.Content) throws(FileSystemError) {
        file = try content.open()
        sizeBytes = try file.status().sizeBytes
    }

    /// Digests of a part of a file.
    struct Digests: Sendable, Hashable {
        /// 32 bytes.
        var sha256: [UInt8]
        /// 16 bytes; nil when it was not asked for, or the system's libcrypto has none.
        var md5: [UInt8]?
    }

    /// Reads a part of the file for its digests, on a thread that may block.
    ///
    /// - Throws: ``FileSystemError``, or `CancellationError`.
    func digests(offset: Int64, count: Int64, withMD5: Bool = false) async throws -> Digests {
        try await CancellationFlag.run { flag in
            try await OwnThread.run { try self.readDigests(offset, count, withMD5, flag) }
        }
    }

    private func readDigests(
        _ offset: Int64,
        _ count: Int64,
        _ withMD5: Bool,
        _ flag: CancellationFlag
    ) throws -> Digests {
        var sha256 = SHA256()
        var md5 = withMD5 ? MD5() : nil
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var done: Int64 = 0
        while done < count {
            try flag.check()
            let wanted = Int(min(count - done, Int64(buffer.count)))
            let got = pread(descriptor, buffer.baseAddress, wanted, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else {
                throw FileSystemError(operation: "read", path: file.path, errno: got < 0 ? errno : EIO)
            }
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<got]).bytes
            sha256.update(piece)
            md5?.update(piece)
            done += Int64(got)
        }
        return Digests(sha256: sha256.finish(), md5: md5.take()?.finish())
    }
}
