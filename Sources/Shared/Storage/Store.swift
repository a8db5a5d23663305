package import JobModel

/// Where outputs go, and where sources come from by their key.
///
/// All calls may take long. None blocks the cooperative pool, each ends soon after its task is cancelled, and each
/// throws ``StorageError`` for whatever is wrong with the store or the key, with the verdict whether another try can
/// help.
package protocol Store: Sendable, CustomStringConvertible {
    /// The store for logs and messages, without secrets.
    var description: String { get }

    /// Whether several ``put(_:didWrite:)`` at a time take less time than one after the other.
    var gainsByParallelPuts: Bool { get }

    /// Looks whether the store can hold an object under the key. Nothing is looked up.
    ///
    /// - Throws: ``StorageError`` with code `invalid_key`, with the reason.
    func check(_ key: ObjectKey) throws(StorageError)

    /// An object as a job's source. Nothing is looked up.
    func source(_ key: ObjectKey) -> any Source

    /// The store's facts of an object; nil when it has none under the key.
    ///
    /// - Throws: ``StorageError``, or `CancellationError`.
    func facts(_ key: ObjectKey) async throws -> SourceFacts?

    /// Publishes a file under a key. Readers see the whole new object or the one before, never a part. That it lasts is
    /// known after ``synchronize(_:)``.
    ///
    /// - Parameter didWrite: gets the bytes written so far; what it throws ends the call, and nothing is published.
    /// - Throws: ``StorageError``, `CancellationError`, or what `didWrite` threw.
    func put(
        _ object: NewObject,
        didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> PublishedObject

    /// Returns when published objects last, whatever happens to this host.
    ///
    /// - Throws: ``StorageError``, or `CancellationError`.
    func synchronize(_ keys: [ObjectKey]) async throws

    /// Removes an object.
    ///
    /// - Returns: false when there was none.
    /// - Throws: ``StorageError``, or `CancellationError`.
    @discardableResult
    func delete(_ key: ObjectKey) async throws -> Bool

    /// Looks whose the object under a key is. Nothing is changed.
    ///
    /// - Throws: ``StorageError``, or `CancellationError`.
    func ownership(of object: OwnObject) async throws -> ObjectOwnership

    /// Removes an object that a job has put. One that somebody else has put under its key since, or before, stays.
    ///
    /// - Throws: ``StorageError``, or `CancellationError`.
    func remove(_ object: OwnObject) async throws -> ObjectRemovalAnswer

    /// The beginning of the keys that another store's objects have in this one.
    ///
    /// - Parameter name: the other one's ``description``.
    /// - Returns: empty for this store itself; nil for a store that does not lie beneath this one, or is not known to.
    func start(ofStoreNamed name: ByteText) -> [UInt8]?

    /// All uploads beneath the store that are neither complete nor aborted.
    ///
    /// - Throws: ``StorageError``, or `CancellationError`.
    func openUploads() async throws -> [OpenUpload]

    /// Aborts an upload. One that is no longer open is fine.
    ///
    /// - Throws: ``StorageError``, or `CancellationError`.
    func abort(_ upload: OpenUpload) async throws
}

extension Store {
    package var gainsByParallelPuts: Bool { false }

    package func start(ofStoreNamed name: ByteText) -> [UInt8]? { ByteText(description) == name ? [] : nil }
}

/// A file, or bytes, that are to become an object.
package struct NewObject: Sendable {
    package enum Content: Sendable, Hashable {
        /// The path of a file of ours, whole and durable. Nobody writes to it again: it may become the object itself,
        /// unless ``NewObject/isCopied``.
        case file(String)
        /// Few bytes, of which there is no file.
        case bytes([UInt8])
    }

    package var content: Content
    package var key: ObjectKey
    /// Such as `video/mp4`. Stores that keep no such thing leave it out, as with ``metadata``.
    package var contentType: String?
    /// Names of ASCII letters, digits and `-`, in lower case.
    package var metadata: [String: String]
    /// The job that puts it, in ASCII letters, digits and `-`. A store that keeps metadata keeps it with the object, so
    /// that the object is known to be the job's; see ``Store/remove(_:)``.
    package var owner: String?
    /// The file stays ours, and is written to again: it must not become the object itself.
    package var isCopied = false
    /// For stores that upload in several steps. nil for a key under which nobody else puts anything at the time.
    package var uploads: (any UploadRecord)?

    package init(
        path: String,
        key: ObjectKey,
        contentType: String? = nil,
        metadata: [String: String] = [:],
        owner: String? = nil
    ) {
        self.init(.file(path), key: key, contentType: contentType, metadata: metadata, owner: owner)
    }

    package init(
        _ content: Content,
        key: ObjectKey,
        contentType: String? = nil,
        metadata: [String: String] = [:],
        owner: String? = nil
    ) {
        self.content = content
        self.key = key
        self.contentType = contentType
        self.metadata = metadata
        self.owner = owner
    }
}

package struct PublishedObject: Sendable, Hashable {
    package var sizeBytes: Int64
    /// Where the object is, as a URL.
    package var location: String
    /// Tells the object from another one under its key.
    package var validator: SourceValidator?

    package init(sizeBytes: Int64, location: String, validator: SourceValidator? = nil) {
        self.sizeBytes = sizeBytes
        self.location = location
        self.validator = validator
    }
}
