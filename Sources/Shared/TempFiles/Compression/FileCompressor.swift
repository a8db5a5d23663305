internal import CrashPoints
internal import Files
internal import Glibc
internal import JobModel
internal import Ledger
internal import Zstandard

/// Replaces one file by a compressed one, and the other way round. Blocks; the caller holds the job's lease, and has
/// the temporary name in the ledger.
///
/// A compressed file is a zstd stream whose first frame, which every decoder skips, holds a token. What a file is can
/// therefore be told by the token in the ledger, whatever a crash left of both.
struct FileCompressor {
    enum Compression: Sendable, Equatable {
        case compressed(storedBytes: Int64)
        /// By less than a fifth.
        case doesNotShrink
        /// Not the file that the ledger knows.
        case changed
        case cancelled
    }

    enum Restoration: Sendable, Equatable {
        case restored
        /// A crash came before it was replaced, or after it was restored.
        case wasPlain
        /// Its content is lost.
        case damaged(cause: String)
    }

    /// Beside the file: what is being written to take its place.
    static func temporaryName(_ name: String) -> String { name + ".replacement" }

    /// A compressed file takes no more than this.
    static func limit(_ sizeBytes: Int64) -> Int64 { sizeBytes / 5 * 4 }

    private static let samples: Int64 = 8
    private static let sampleBytes = 128 << 10

    /// The directory of the job.
    private let directory: RootedDirectory
    private let isCancelled: @Sendable () -> Bool

    init(
        _ workspace: Workspace,
        _ job: JobKey,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(TempFileError) {
        directory = try onFileSystem { () throws(FileSystemError) in try workspace.open(job) }
        self.isCancelled = isCancelled
    }

    /// Whether the file seems worth it, by pieces from all over it.
    func shrinks(_ name: String, sizeBytes: Int64) throws(TempFileError) -> Bool {
        try calling(name) {
            let file = try directory.openFile(name, flags: O_RDONLY | O_NONBLOCK)
            guard try file.status().kind == .file else { return false }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.sampleBytes, alignment: 4096)
            defer { buffer.deallocate() }
            var (plain, stored): (Int64, Int64) = (0, 0)
            let stride = max((sizeBytes - Int64(Self.sampleBytes)) / (Self.samples - 1), 0)
            for index in 0..<Self.samples {
                let count = pread(file.descriptor, buffer.baseAddress, buffer.count, off_t(index * stride))
                if count < 0 { throw FileSystemError(operation: "read", path: name, errno: errno) }
                plain += Int64(count)
                stored += Int64(try Zstandard.compressedSize(of: .init(rebasing: buffer[..<count])))
            }
            return plain > 0 && stored <= Self.limit(plain)
        }
    }

    func compress(_ file: CompressedFile) throws(TempFileError) -> Compression {
        let temporary = Self.temporaryName(file.name)
        let (isCancelled, limit) = (isCancelled, Self.limit(file.plainBytes))
        let result: Compression = try calling(file.name) {
            let source = try directory.openFile(file.name, flags: O_RDONLY | O_NONBLOCK)
            let status = try source.status()
            guard status.kind == .file, status.linkCount == 1, status.sizeBytes == file.plainBytes else {
                return .changed
            }
            let target = Target(try create(temporary)) { size in
                if isCancelled() { throw Ended(result: .cancelled) }
                if size > limit { throw Ended(result: .doesNotShrink) }
            }
            do {
                try Self.header(file.token).withUnsafeBytes { try target.write($0) }
                let encoder = try ZstandardEncoder(sizeBytes: UInt64(file.plainBytes))
                let read = try source.forEachPiece { try encoder.encode($0, write: target.write) }
                guard read == file.plainBytes else { return .changed }
                try encoder.finish(target.write)
            } catch let ended as Ended {
                return ended.result
            }
            do {
                try target.file.synchronize { if isCancelled() { throw Ended(result: .cancelled) } }
            } catch let ended as Ended {
                return ended.result
            }
            return .compressed(storedBytes: target.sizeBytes)
        }
        guard case .compressed = result else { return result }
        CrashPoint.compressedFileSynced.cross()
        try replace(file.name)
        CrashPoint.compressedFileRenamed.cross()
        return result
    }

    /// - Parameter grow: told of each size that the restored file is about to have.
    func restore(
        _ file: CompressedFile,
        grow: @escaping (Int64) throws -> Void
    ) throws(TempFileError) -> Restoration {
        let temporary = Self.temporaryName(file.name)
        let isCancelled = isCancelled
        let result: Restoration = try calling(file.name) {
            if try directory.status(file.name) == nil { return .damaged(cause: "it is gone") }
            let source = try directory.openFile(file.name, flags: O_RDONLY | O_NONBLOCK)
            let status = try source.status()
            guard status.kind == .file else { return .damaged(cause: "it is no regular file") }
            guard try isCompressed(source, token: file.token) else {
                if status.sizeBytes == file.plainBytes { return .wasPlain }
                return .damaged(cause: "it has \(status.sizeBytes) bytes, and \(file.plainBytes) are expected")
            }
            let target = Target(try create(temporary)) { size in
                if isCancelled() { throw CancellationError() }
                if size > file.plainBytes { throw ZstandardError(description: "more than expected") }
                try grow(size)
            }
            do {
                let decoder = try ZstandardDecoder()
                _ = try source.forEachPiece { try decoder.decode($0, write: target.write) }
                guard decoder.isComplete, target.sizeBytes == file.plainBytes else {
                    return .damaged(cause: "only \(target.sizeBytes) of \(file.plainBytes) bytes are there")
                }
            } catch let error as ZstandardError {
                return .damaged(cause: error.description)
            }
            try target.file.synchronize { if isCancelled() { throw CancellationError() } }
            return .restored
        }
        guard result == .restored else { return result }
        CrashPoint.restoredFileSynced.cross()
        try replace(file.name)
        CrashPoint.restoredFileRenamed.cross()
        return result
    }

    /// The bytes of the compressed file; nil when it was not replaced.
    func compressedSize(_ file: CompressedFile) throws(TempFileError) -> Int64? {
        try calling(file.name) {
            guard let status = try directory.status(file.name), status.kind == .file else { return nil }
            let source = try directory.openFile(file.name, flags: O_RDONLY | O_NONBLOCK)
            return try isCompressed(source, token: file.token) ? status.sizeBytes : nil
        }
    }

    /// Removes what was written and is not wanted.
    func removeTemporary(of name: String) throws(TempFileError) {
        try onFileSystem { () throws(FileSystemError) in _ = try directory.removeFile(Self.temporaryName(name)) }
    }

    private func create(_ temporary: String) throws(FileSystemError) -> OpenFile {
        try directory.openFile(temporary, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK)
    }

    private func replace(_ name: String) throws(TempFileError) {
        try onFileSystem { () throws(FileSystemError) in
            try directory.rename(Self.temporaryName(name), to: name)
            if let parent = FileName.parents(of: name).last {
                try directory.openDirectory(parent).synchronize()
            } else {
                try directory.synchronize()
            }
        }
    }

    private func isCompressed(_ file: borrowing OpenFile, token: String) throws -> Bool {
        let expected = Self.header(token)
        var found = [UInt8](repeating: 0, count: expected.count)
        let count = pread(file.descriptor, &found, found.count, 0)
        if count < 0 { throw FileSystemError(operation: "read", path: file.path, errno: errno) }
        return count == expected.count && found == expected
    }

    private static func header(_ token: String) -> [UInt8] {
        Zstandard.skippableFrame(Array("media-processor 1 \(token)\n".utf8))
    }

    /// The file that is being written.
    private final class Target {
        let file: OpenFile
        private(set) var sizeBytes: Int64 = 0
        private let willGrow: (_ sizeBytes: Int64) throws -> Void

        init(_ file: consuming OpenFile, willGrow: @escaping (Int64) throws -> Void) {
            self.file = file
            self.willGrow = willGrow
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws {
            let size = sizeBytes + Int64(bytes.count)
            try willGrow(size)
            try file.write(bytes)
            sizeBytes = size
        }
    }

    private struct Ended: Error { var result: Compression }

    private func calling<T>(_ name: String, _ body: () throws -> T) throws(TempFileError) -> T {
        do {
            return try body()
        } catch let error as TempFileError {
            throw error
        } catch let error as FileSystemError {
            throw TempFileError(error)
        } catch is CancellationError {
            throw TempFileError(code: .cancelled, message: "work on \(name) was cancelled", isRetriable: true)
        } catch {
            throw TempFileError(
                code: .fileSystem,
                message: "cannot compress or restore \(directory.path)/\(name): \(error)",
                isRetriable: true
            )
        }
    }
}
