internal import CrashPoints
internal import Glibc
public import JobModel
internal import RootedFiles
internal import Threads

/// Objects as files beneath one directory: the store of the embedded setup (`STORAGE_URL=file:///…`).
///
/// A file on the store's own file system becomes the object itself, by another name (a hard link): no byte is copied, and the
/// object is durable as the file is. Elsewhere, and where the store's directory gives its files more than the file has (a group,
/// an access list, a label), the object is written to a file without a name (`O_TMPFILE`) and given its name when all its bytes
/// are on the device, so a writer that dies leaves nothing behind.
public final class LocalDirectoryStore: ObjectStore {
    private let root: RootedDirectory

    public var description: String { SourceURL.file(root.path) }

    /// Makes the directory when it is missing, and opens it.
    public init(creating path: String) throws(StorageError) {
        do {
            // Operators mount disks beneath their store.
            root = try RootedDirectory.create(path, mode: 0o755, crossesMounts: true)
        } catch {
            throw StorageError(
                code: .ioFailure,
                message:
                    "the object store cannot be opened: \(error); check STORAGE_URL and the directory's permissions",
                isRetriable: error.isRetriable,
                underlying: error
            )
        }
    }

    public func size(_ key: ObjectKey) async throws -> Int64? {
        try await open(key) { file in try file.status().sizeBytes }
    }

    public func read(
        _ key: ObjectKey,
        consume: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws -> Int64 {
        try await open(key) { file in try file.forEachPiece(consume) }
    }

    private func open(
        _ key: ObjectKey,
        _ body: @escaping @Sendable (borrowing OpenFile) throws -> Int64
    ) async throws -> Int64 {
        try await OwnThread.run { [root] in
            try Self.reading(key) {
                let file = try root.openFile(key.rawValue, flags: O_RDONLY | O_NONBLOCK)
                try Self.requireFile(file, "the object `\(key)`")
                return try body(file)
            }
        }
    }

    public func publish(
        fileAt path: String,
        as key: ObjectKey,
        mimeType: String?,
        didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> PublishedObject {
        try await OwnThread.run { [root] in
            try Self.writing(key) {
                let source = OpenFile(owning: Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), path: path)
                if source.descriptor < 0 { throw FileSystemError(operation: "open", path: path, errno: errno) }
                let directory = try Self.parent(of: key, in: root)
                let size: Int64
                if let linked = try Self.link(source, into: directory, as: baseName(key.rawValue), didWrite) {
                    size = linked
                } else {
                    let draft = try directory.openUnnamedFile(mode: Self.objectMode)
                    size = try draft.append(contentsOf: source, didWrite: didWrite)
                    let written = size
                    try draft.synchronize { try didWrite(written) }
                    CrashPoint.objectWritten.cross()
                    try directory.link(draft, as: baseName(key.rawValue))
                }
                CrashPoint.objectLinked.cross()
                return PublishedObject(sizeBytes: size, location: SourceURL.file(root.path + "/" + key.rawValue))
            }
        }
    }

    public func synchronize(_ keys: [ObjectKey]) async throws {
        // Whole as each is, a name is what may be missing.
        let parents = Dictionary(keys.map { (Self.parentName(of: $0), $0) }) { first, _ in first }
        try await OwnThread.run { [root] in
            for (name, key) in parents {
                try Self.writing(key) { try root.openDirectory(name).synchronize() }
            }
        }
    }

    private static func parentName(of key: ObjectKey) -> String {
        key.rawValue.lastIndex(of: "/").map { String(key.rawValue[..<$0]) } ?? "."
    }

    /// Before the umask.
    private static let objectMode: UInt32 = 0o644

    /// Makes the file itself the object.
    ///
    /// - Returns: its size, or nil when there has to be a copy.
    private static func link(
        _ file: borrowing OpenFile,
        into directory: RootedDirectory,
        as name: String,
        _ didWrite: (Int64) throws -> Void
    ) throws -> Int64? {
        let status = try file.status()
        guard status.kind == .file, status.device == (try directory.status().device),
            try directory.wouldMake(file, mode: objectMode)
        else { return nil }
        try didWrite(status.sizeBytes)
        CrashPoint.objectWritten.cross()
        do {
            try directory.link(file, as: name)
        } catch  where [EXDEV, EPERM, EMLINK, EOPNOTSUPP].contains(error.errno) {
            // A file system that has no links, two projects' quotas, a kernel that forbids it.
            return nil
        }
        return status.sizeBytes
    }

    private static func parent(of key: ObjectKey, in root: RootedDirectory) throws -> RootedDirectory {
        let name = parentName(of: key)
        do throws(FileSystemError) { return try root.openDirectory(name) } catch  where error.isNotFound {}
        try root.makeDirectories(name, mode: 0o755)
        return try root.openDirectory(name)
    }

    static func requireFile(_ file: borrowing OpenFile, _ subject: String) throws {
        guard try file.status().kind == .file else {
            throw StorageError(code: .notFound, message: "\(subject) is no regular file")
        }
    }

    private static func reading<R>(_ key: ObjectKey, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as FileSystemError {
            if error.isNotFound {
                throw StorageError(
                    code: .notFound,
                    message: "the store has no object `\(key)`; upload it first, or correct the job's `s3Key`",
                    underlying: error
                )
            }
            throw failure("read", key, error)
        }
    }

    private static func writing<R>(_ key: ObjectKey, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as FileSystemError {
            throw failure("publish", key, error)
        }
    }

    private static func failure(_ verb: String, _ key: ObjectKey, _ error: FileSystemError) -> StorageError {
        StorageError(
            code: error.isOutsideRoot ? .notAllowed : .ioFailure,
            message: "cannot \(verb) the object `\(key)`: \(error)",
            isRetriable: error.isRetriable,
            underlying: error
        )
    }
}
