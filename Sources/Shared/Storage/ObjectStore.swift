public import JobModel

/// Where sources come from and outputs go to. All calls may take long; none blocks the cooperative pool.
public protocol ObjectStore: Sendable {
    /// For logs and messages; without secrets.
    var description: String { get }

    /// Looks whether the store can hold an object under the key. Nothing is looked up.
    ///
    /// - Throws: ``StorageError`` with code `invalid_key`, with the reason.
    func check(_ key: ObjectKey) throws(StorageError)

    /// The object's size in bytes; nil when the store does not say before it is read.
    ///
    /// - Throws: ``StorageError``.
    func size(_ key: ObjectKey) async throws -> Int64?

    /// Reads an object from its start to its end.
    ///
    /// - Parameter consume: gets the pieces in order, one call at a time; what it throws ends the read and is rethrown.
    /// - Returns: the object's size in bytes.
    /// - Throws: ``StorageError``, or what `consume` threw.
    @discardableResult
    func read(
        _ key: ObjectKey,
        consume: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws -> Int64

    /// Publishes a file under a key. Readers see the whole new object or what was there before, never a part. That it lasts
    /// is known after ``synchronize(_:)``.
    ///
    /// - Parameters:
    ///   - path: a file of ours, whole and durable. Nobody writes to it again: it may become the object itself.
    ///   - didWrite: the bytes written so far; what it throws ends the call, and nothing is published.
    /// - Throws: ``StorageError``, or what `didWrite` threw.
    func publish(
        fileAt path: String,
        as key: ObjectKey,
        mimeType: String?,
        didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> PublishedObject

    /// Returns when published objects last, whatever happens to this host.
    ///
    /// - Throws: ``StorageError``.
    func synchronize(_ keys: [ObjectKey]) async throws
}

public struct PublishedObject: Sendable, Hashable {
    public var sizeBytes: Int64
    /// Where the object is, as a URL.
    public var location: String

    public init(sizeBytes: Int64, location: String) {
        self.sizeBytes = sizeBytes
        self.location = location
    }
}

/// The stores and sources that a process may use.
public struct ObjectStores: Sendable {
    /// The configured store (`STORAGE_URL`).
    public let standard: any ObjectStore

    /// - Throws: ``StorageError`` when the URL is none, or of a scheme that this version does not have.
    public init(storageURL: String) throws(StorageError) {
        standard = try LocalDirectoryStore(creating: Self.directory(storageURL))
    }

    /// The store for a job's `destination`, which is a URL prefix.
    public func destination(_ url: String) throws(StorageError) -> any ObjectStore {
        // A file destination would let anyone who can publish a message write anywhere on this host.
        throw StorageError(
            code: .unsupportedScheme,
            message: "the job's `destination` \(SourceURL.redacted(url)) is not supported: outputs go to STORAGE_URL; "
                + "leave `destination` out"
        )
    }

    /// Looks at the URL only, not at what it leads to.
    ///
    /// - Throws: ``StorageError`` when no store can be had of it.
    public static func check(_ url: String) throws(StorageError) { _ = try directory(url) }

    /// Tries whether a store takes outputs now, with a file that has no name and so leaves nothing. Does not return while the store
    /// hangs.
    ///
    /// - Returns: false when its directory is not there and could be made.
    /// - Throws: ``StorageError`` that says why it takes none.
    public static func tryWriting(_ url: String) async throws(StorageError) -> Bool {
        try await LocalDirectoryStore.tryWriting(directory(url))
    }

    private static func directory(_ url: String) throws(StorageError) -> String {
        guard SourceURL.scheme(url) == "file" else {
            throw StorageError(
                code: .unsupportedScheme,
                message: "`\(SourceURL.redacted(url))` is no directory, and this version stores in one only; "
                    + "set STORAGE_URL to one, such as file:///var/lib/media-output"
            )
        }
        return try SourceURL.filePath(url)
    }
}
