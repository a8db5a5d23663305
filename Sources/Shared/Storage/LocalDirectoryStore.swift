internal import CrashPoints
internal import Glibc
public import JobModel
internal import RootedFiles

/// Objects as files beneath one directory: the store of the embedded setup (`STORAGE_URL=file:///…`).
///
/// A new object is written to a file without a name (`O_TMPFILE`) and given its name when all its bytes are on the device, so
/// a writer that dies leaves nothing behind.
public final class LocalDirectoryStore: ObjectStore {
    private let root: RootedDirectory
    private let queue = BlockingQueue(label: "storage.local")

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
        try await queue.run { [root] in
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
        try await queue.run { [root] in
            try Self.writing(key) {
                let source = OpenFile(owning: Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), path: path)
                if source.descriptor < 0 { throw FileSystemError(operation: "open", path: path, errno: errno) }
                let directory = try Self.parent(of: key, in: root)
                let draft = try directory.openUnnamedFile(mode: 0o644)
                let size = try draft.append(contentsOf: source, didWrite: didWrite)
                try draft.synchronize()
                CrashPoint.objectWritten.cross()
                try directory.link(draft, as: baseName(key.rawValue))
                CrashPoint.objectLinked.cross()
                try directory.synchronize()
                CrashPoint.objectDurable.cross()
                return PublishedObject(sizeBytes: size, location: SourceURL.file(root.path + "/" + key.rawValue))
            }
        }
    }

    private static func parent(of key: ObjectKey, in root: RootedDirectory) throws -> RootedDirectory {
        guard let slash = key.rawValue.lastIndex(of: "/") else { return try root.openDirectory(".") }
        let name = String(key.rawValue[..<slash])
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
