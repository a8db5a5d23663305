internal import CrashPoints
internal import Files
internal import Glibc
package import JobModel
package import Settings
internal import Synchronization
internal import Threads

/// Objects as files beneath one directory: the store of the embedded setup (`STORAGE_URL=file:///…`).
///
/// A file on the store's own file system becomes the object itself, by another name (a hard link): no byte is copied,
/// and the object is durable as the file is. Elsewhere, and where the store's directory gives its files more than the
/// file has (a group, an access list, a label), the object is written to a file without a name (`O_TMPFILE`) and given
/// its name when all its bytes are on the device, so a writer that dies leaves nothing behind. ``ObjectReplacement``
/// removes the remains of a writer that dies while it replaces an object.
///
/// A key is a path, so not every key can be held: see ``check(_:)``.
package final class LocalDirectoryStore: StoreKind {
    package static let schemes = [FileURL.scheme]
    package static let keysArePaths = true
    package static let trialInterval = Duration.zero

    let root: RootedDirectory
    /// Called with the path of every directory whose names are on the device, for tests.
    private let didSynchronize: @Sendable (String) -> Void
    /// Directories of which all names that lead to them are on the device.
    private let reachable = Mutex<[RelativePath: FileIdentity]>([:])
    private static let maximumReachable = 1024

    package var description: String { FileURL.text(root.path) }

    package static func check(url: String) throws(StorageError) { _ = try FileURL.path(url) }

    package convenience init(url: String, _ settings: StorageSettings) throws(StorageError) {
        try self.init(creating: try FileURL.path(url))
    }

    /// Makes the directory when it is missing, opens it, and removes the remains of writers that died.
    package convenience init(creating path: String) throws(StorageError) {
        try self.init(creating: path, didSynchronize: { _ in })
    }

    /// - Parameter mode: of the directory, before the umask, when it is made now.
    init(
        creating path: String,
        mode: UInt32 = 0o755,
        didSynchronize: @escaping @Sendable (String) -> Void
    ) throws(StorageError) {
        self.didSynchronize = didSynchronize
        do {
            // Operators mount disks beneath their store.
            root = try RootedDirectory.create(path, mode: mode, crossesMounts: true)
        } catch {
            throw StorageError(
                code: .ioFailure,
                message:
                    "the object store cannot be opened: \(error); check STORAGE_URL and the directory's permissions",
                verdict: error.isRetriable ? .transient : .permanent,
                underlying: error
            )
        }
        ObjectReplacement(root: root).sweep()
    }

    /// - Parameter root: opened by the caller.
    init(root: RootedDirectory) {
        didSynchronize = { _ in }
        self.root = root
        ObjectReplacement(root: root).sweep()
    }

    package func check(_ key: ObjectKey) throws(StorageError) { _ = try place(of: key) }

    /// The path of an object.
    private func place(of key: ObjectKey) throws(StorageError) -> RelativePath {
        let reason: String
        do throws(PathProblem) {
            let path = try RelativePath(key.rawValue)
            if !ObjectReplacement.isReserved(path) { return path }
            reason = "a part of it begins with `\(ObjectReplacement.reservedPrefix)`, which is the store's own"
        } catch {
            reason = "\(error)"
        }
        throw StorageError(
            code: .invalidKey,
            message: "the store is a directory (\(description)) and cannot hold the key `\(key)`: \(reason)"
        )
    }

    package func source(_ key: ObjectKey) -> any Source { StoredFile(key: key, store: self) }

    package func facts(_ key: ObjectKey) async throws -> SourceFacts? {
        do {
            return try await source(key).probe()
        } catch let error as StorageError where error.verdict == .sourceGone {
            return nil
        }
    }

    package func delete(_ key: ObjectKey) async throws -> Bool {
        let place = try place(of: key)
        return try await OwnThread.run { [root] in
            try Self.writing("delete", key) {
                do throws(FileSystemError) { return try root.removeFile(place) } catch  where error.isNotFound {
                    return false
                }
            }
        }
    }

    /// Opens an object for reading, on a thread that may block.
    func open<R: Sendable>(
        _ key: ObjectKey,
        _ body: @escaping @Sendable (borrowing OpenFile) throws -> R
    ) async throws -> R {
        let path = try place(of: key)
        return try await OwnThread.run { [root] in
            try Self.reading(key) { try body(try root.openFile(path, flags: O_RDONLY | O_NONBLOCK)) }
        }
    }

    package func put(
        _ object: NewObject,
        didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> PublishedObject {
        let place = try place(of: object.key)
        return try await CancellationFlag.run { flag in
            try await self.put(object, at: place) { written in
                try flag.check()
                try didWrite(written)
            }
        }
    }

    private func put(
        _ object: NewObject,
        at place: RelativePath,
        didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> PublishedObject {
        let key = object.key
        return try await OwnThread.run { [root] in
            try Self.writing("publish", key) {
                let source = try object.content.open()
                let directory = try Self.parent(of: place, in: root)
                let size: Int64
                let validator: SourceValidator?
                if !object.isCopied,
                    let linked = try Self.link(source, of: object.owner, to: place, in: directory, root, didWrite)
                {
                    size = linked
                    validator = try source.sourceFacts("the file").validator
                } else {
                    let draft = try directory.openUnnamedFile(mode: Self.objectMode)
                    size = try draft.append(contentsOf: source, didWrite: didWrite)
                    let written = size
                    Self.note(object.owner, on: draft)
                    try draft.synchronize { try didWrite(written) }
                    CrashPoint.objectWritten.cross()
                    try Self.put(draft, at: place, in: directory, root)
                    validator = try draft.sourceFacts("the object").validator
                }
                CrashPoint.objectLinked.cross()
                return PublishedObject(
                    sizeBytes: size,
                    location: FileURL.text(root.path + "/" + key.rawValue),
                    validator: validator
                )
            }
        }
    }

    package func synchronize(_ keys: [ObjectKey]) async throws {
        // Each file is complete; only a name may be missing on the device.
        var directories: [RelativePath?: ObjectKey] = [:]
        for key in keys { directories[try place(of: key).parent] = key }
        let parents = directories
        try await OwnThread.run { [self] in
            for (path, key) in parents { try Self.writing("publish", key) { try synchronize(path) } }
        }
    }

    /// Returns when the names in a directory are on the device, and all that lead to it.
    private func synchronize(_ path: RelativePath?) throws(FileSystemError) {
        guard let path else { return try synchronize(root) }
        let directory = try root.openDirectory(path)
        try synchronize(directory)
        // The process that made it or one above it may have died since, so it is not enough to know which directories
        // this process has made.
        let identity = FileIdentity(try directory.status())
        if reachable.withLock({ $0[path] == identity }) { return }
        for parent in path.parents { try synchronize(try root.openDirectory(parent)) }
        try synchronize(root)
        reachable.withLock { reachable in
            if reachable.count >= Self.maximumReachable { reachable.removeAll() }
            reachable[path] = identity
        }
    }

    private func synchronize(_ directory: RootedDirectory) throws(FileSystemError) {
        try directory.synchronize()
        didSynchronize(directory.path)
    }

    /// Before the umask.
    private static let objectMode: UInt32 = 0o644

    /// Makes the file itself the object.
    ///
    /// - Returns: its size, or nil when there has to be a copy.
    private static func link(
        _ file: borrowing OpenFile,
        of owner: String?,
        to place: RelativePath,
        in directory: RootedDirectory,
        _ root: RootedDirectory,
        _ didWrite: (Int64) throws -> Void
    ) throws -> Int64? {
        let status = try file.status()
        guard status.kind == .file, status.device == (try directory.status().device),
            try directory.wouldMake(file, mode: objectMode)
        else { return nil }
        try didWrite(status.sizeBytes)
        note(owner, on: file)
        CrashPoint.objectWritten.cross()
        do {
            try put(file, at: place, in: directory, root)
        } catch  where [EXDEV, EPERM, EMLINK, EOPNOTSUPP].contains(error.errno) {
            // A file system that has no links, two projects' quotas, a kernel that forbids it.
            return nil
        }
        return status.sizeBytes
    }

    /// Gives a file the object's name.
    private static func put(
        _ file: borrowing OpenFile,
        at place: RelativePath,
        in directory: RootedDirectory,
        _ root: RootedDirectory
    ) throws(FileSystemError) {
        if try directory.link(file, as: place.name) { return }
        try ObjectReplacement(root: root).replace(place, in: directory, by: file)
    }

    private static func parent(of place: RelativePath, in root: RootedDirectory) throws -> RootedDirectory {
        guard let parent = place.parent else { return root }
        do throws(FileSystemError) { return try root.openDirectory(parent) } catch  where error.isNotFound {}
        try root.makeDirectories(parent, mode: 0o755)
        return try root.openDirectory(parent)
    }

    private static func reading<R>(_ key: ObjectKey, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as FileSystemError {
            if error.isNotFound {
                throw StorageError(
                    code: .notFound,
                    message: "the store has no object `\(key)`; upload it first, or correct the job's `s3Key`",
                    verdict: .sourceGone,
                    underlying: error
                )
            }
            throw failure("read", key, error)
        }
    }

    private static func writing<R>(_ verb: String, _ key: ObjectKey, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as FileSystemError {
            throw failure(verb, key, error)
        }
    }

    private static func failure(_ verb: String, _ key: ObjectKey, _ error: FileSystemError) -> StorageError {
        StorageError(
            code: error.isOutsideRoot ? .notAllowed : .ioFailure,
            message: "cannot \(verb) the object `\(key)`: \(error.description.shown)",
            verdict: error.isRetriable ? .transient : .permanent,
            underlying: error
        )
    }
}

/// An object of the store as a source.
private struct StoredFile: Source {
    let key: ObjectKey
    let store: LocalDirectoryStore

    var description: String { "\(key)" }
    private var subject: String { "the object `\(key)`" }

    func checkAllowed() async throws(StorageError) { try store.check(key) }

    func probe() async throws -> SourceFacts {
        try await store.open(key) { [subject] file in try file.sourceFacts(subject) }
    }

    func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64 {
        try await Delivery.run(request, to: sink) { [subject] delivery in
            try await store.open(key) { file in try file.deliver(try file.sourceFacts(subject), delivery) }
        }
    }
}
