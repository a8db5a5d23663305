internal import Digests
internal import Files
internal import Glibc
internal import JobModel
internal import Ledger
internal import Synchronization

/// The file of a job on the disk, beside an object of the spill store that is, or is to become, the same. Blocks; the
/// caller holds the job's lease.
struct LocalCopy {
    private let workspace: Workspace
    private let job: JobKey
    private let name: String

    init(_ workspace: Workspace, _ job: JobKey, _ name: String) {
        self.workspace = workspace
        self.job = job
        self.name = name
    }

    /// The size of the file; nil when there is none.
    func sizeBytes() throws(TempFileError) -> Int64? {
        try onFileSystem { () throws(FileSystemError) in
            do throws(FileSystemError) {
                guard let status = try workspace.open(job).status(name), status.kind == .file else { return nil }
                return status.sizeBytes
            } catch  where error.isNotFound {
                return nil
            }
        }
    }

    /// The SHA-256 of the file.
    ///
    /// - Returns: nil when it is not a regular file of this size with one name.
    /// - Throws: ``TempFileError`` with the code `cancelled` as soon as `isCancelled` says so.
    func digest(sizeBytes: Int64, isCancelled: () -> Bool) throws(TempFileError) -> [UInt8]? {
        do {
            let directory = try workspace.open(job)
            guard let found = try directory.status(name), found.kind == .file, found.linkCount == 1,
                found.sizeBytes == sizeBytes
            else { return nil }
            let file = try directory.openFile(name, flags: O_RDONLY | O_NONBLOCK)
            var digest = SHA256()
            let read = try file.forEachPiece { piece in
                if isCancelled() { throw CancellationError() }
                digest.update(piece.bytes)
            }
            let bytes = digest.finish()
            return read == sizeBytes ? bytes : nil
        } catch let error as FileSystemError {
            if error.isNotFound { return nil }
            throw TempFileError(error)
        } catch is CancellationError {
            throw TempFileError(code: .cancelled, message: "reading \(name) was cancelled", isRetriable: true)
        } catch {
            throw TempFileError(code: .fileSystem, message: "\(name): \(error)", isRetriable: true)
        }
    }

    /// Removes the file; one that is not there is fine.
    func remove() throws(TempFileError) {
        try onFileSystem { () throws(FileSystemError) in
            do throws(FileSystemError) { _ = try workspace.open(job).removeFile(name) } catch  where error.isNotFound {}
        }
    }

    /// Makes the file anew, empty, with the directories that lead to it.
    func create() throws(TempFileError) -> OpenFile {
        try onFileSystem { () throws(FileSystemError) in
            let directory = try workspace.open(job)
            for parent in FileName.parents(of: name) { try directory.makeDirectory(parent) }
            let file = try directory.openFile(name, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK)
            guard try file.status().kind == .file else {
                throw FileSystemError(operation: "open", path: name, errno: EINVAL)
            }
            return file
        }
    }

    /// Returns when the file's name is on the device, and those of the directories that lead to it.
    func synchronizeName() throws(TempFileError) {
        try onFileSystem { () throws(FileSystemError) in
            let directory = try workspace.open(job)
            for parent in FileName.parents(of: name) { try directory.openDirectory(parent).synchronize() }
            try directory.synchronize()
            let kind = Workspace.jobsDirectory + "/" + job.kind.rawValue
            try workspace.root.openDirectory(kind).synchronize()
        }
    }
}

/// A file that is being fetched: takes the pieces in their order, and knows what it has got.
final class FetchedFile: Sendable {
    private let file: OpenFile
    private let limit: Int64
    private let digest: RunningDigest
    private let willGrow: @Sendable (Int64) throws -> Void
    private let total = Atomic<Int64>(0)

    /// - Parameters:
    ///   - limit: the object's bytes. More are an error.
    ///   - willGrow: asked before a write with the file's size after it.
    init?(_ file: consuming OpenFile, limit: Int64, willGrow: @escaping @Sendable (Int64) throws -> Void) {
        guard let digest = RunningDigest(.sha256) else { return nil }
        self.file = file
        self.limit = limit
        self.digest = digest
        self.willGrow = willGrow
    }

    func write(_ piece: UnsafeRawBufferPointer) throws {
        let size = total.load(ordering: .relaxed) + Int64(piece.count)
        guard size <= limit else { throw SpillError(.lost, "the object has more than \(limit) bytes") }
        try willGrow(size)
        try file.write(piece)
        digest.update(piece)
        total.store(size, ordering: .relaxed)
    }

    /// - Throws: ``SpillError`` with the verdict `lost` when the bytes are not the file's.
    func finish(sha256: [UInt8]) throws {
        let size = total.load(ordering: .relaxed)
        guard size == limit else { throw SpillError(.lost, "the object has \(size) bytes, and \(limit) are expected") }
        guard digest.finish() == sha256 else {
            throw SpillError(.lost, "the object's SHA-256 is not that of the file")
        }
        try file.synchronize()
    }
}
