package import JobModel
package import Settings

/// The stores that a process can use, by the schemes of their URLs. Whoever has a URL asks here and knows no scheme.
package struct Stores: Sendable {
    /// The configured store (`STORAGE_URL`).
    package let standard: any Store
    private let destinations: Destinations?

    /// Every kind of store there is. A new one is a folder of its own, and a line here.
    package static let kinds: [any StoreKind.Type] = [LocalDirectoryStore.self, S3Store.self]

    /// - Throws: ``StorageError`` when the URL is none, or of a scheme that this version does not have, or when the
    ///   store cannot be opened.
    package init(_ settings: StorageSettings) throws(StorageError) {
        standard = try Self.kind(settings.storageURL).init(url: settings.storageURL, settings)
        destinations = try Destinations(settings)
    }

    /// With a given store, for tests.
    package init(standard: any Store) {
        self.standard = standard
        destinations = nil
    }

    /// The store of a job's outputs: the configured one, or its `destination`.
    ///
    /// - Throws: ``StorageError`` when the destination is not allowed, or cannot be opened.
    package func store(of ticket: Ticket) throws(StorageError) -> any Store {
        guard let url = ticket.destination else { return standard }
        guard let destinations else {
            throw StorageError(code: .unsupportedScheme, message: "there are no destinations; leave `destination` out")
        }
        return try destinations.store(url)
    }

    /// The buckets of destinations, as stores of all that lies there. None lies beneath another one, or beneath the
    /// configured store.
    package var destinationRoots: [any Store] {
        var roots: [any Store] = []
        for store in destinations?.buckets ?? [] {
            let name = ByteText(store.description)
            if standard.start(ofStoreNamed: name) != nil { continue }
            if roots.contains(where: { $0.start(ofStoreNamed: name) != nil }) { continue }
            roots.removeAll { store.start(ofStoreNamed: ByteText($0.description)) != nil }
            roots.append(store)
        }
        return roots
    }

    /// A store for temp files, which nobody but us reads.
    ///
    /// - Throws: as ``init(_:)``.
    package static func forTempFiles(
        _ url: String,
        _ settings: StorageSettings
    ) throws(StorageError) -> any StoreKind {
        try kind(url).forTempFiles(url: url, settings)
    }

    /// Looks at the URL only, not at the place that it names.
    ///
    /// - Throws: ``StorageError`` when no store can be had of it.
    package static func check(_ url: String) throws(StorageError) { try kind(url).check(url: url) }

    /// Tries whether the store of a URL takes outputs now. Leaves nothing there. Does not return while the store hangs.
    ///
    /// - Parameter settings: how outputs are put; nil for the defaults.
    /// - Returns: false when the store is not there and could be made.
    /// - Throws: ``StorageError`` that says why it takes none.
    package static func trial(
        _ url: String,
        _ settings: StorageSettings? = nil
    ) async throws(StorageError) -> Bool {
        try await kind(url).trial(url: url, settings)
    }

    /// The store of a URL for people, without secrets.
    package static func name(_ url: String) -> String { SourceURL.redacted(url) }

    /// By how many seconds the clock of the store is ahead of ours, as it told with its last answer; nil when it has
    /// none, or has not answered.
    package static func clockDifference(_ url: String) -> Int64? { (try? kind(url))?.clockDifference(url: url) }

    /// How long one look at the store of a URL is good for.
    package static func trialInterval(_ url: String) -> Duration { (try? kind(url))?.trialInterval ?? .zero }

    /// Whether the store of a URL is a directory, whose keys must be paths.
    package static func keysArePaths(_ url: String) -> Bool { (try? kind(url))?.keysArePaths ?? true }

    /// Whether the store of a URL may have open uploads.
    package static func hasUploads(_ url: String) -> Bool { (try? kind(url))?.hasUploads ?? false }

    private static func kind(_ url: String) throws(StorageError) -> any StoreKind.Type {
        let scheme = SourceURL.scheme(url)
        if let scheme, let kind = kinds.first(where: { $0.schemes.contains(scheme) }) { return kind }
        throw StorageError(
            code: .unsupportedScheme,
            message:
                "`\(SourceURL.redacted(url))` is neither a directory nor a bucket; set STORAGE_URL to one, such as "
                + "file:///var/lib/media-output or s3://bucket/prefix"
        )
    }
}

/// A kind of store that `STORAGE_URL` names.
package protocol StoreKind: Store {
    /// The schemes of its URLs, in lower case.
    static var schemes: [String] { get }

    /// Looks at the URL only. It is of one of ``schemes``.
    static func check(url: String) throws(StorageError)

    /// As ``Stores/trial(_:_:)``.
    static func trial(url: String, _ settings: StorageSettings?) async throws(StorageError) -> Bool

    /// As ``Stores/trialInterval(_:)``.
    static var trialInterval: Duration { get }

    /// As ``Stores/keysArePaths(_:)``.
    static var keysArePaths: Bool { get }

    /// As ``Stores/hasUploads(_:)``.
    static var hasUploads: Bool { get }

    /// As ``Stores/clockDifference(_:)``.
    static func clockDifference(url: String) -> Int64?

    /// The objects whose keys begin with a prefix that ends with a slash, or all of them for an empty one, and the open
    /// uploads of such.
    ///
    /// - Throws: ``StorageError``, or `CancellationError`.
    func list(_ prefix: String) async throws -> [StoredObject]

    /// Removes what an object that is not there, or no longer, has left: uploads that were begun and not completed,
    /// directories that are empty. None is fine.
    ///
    /// - Throws: ``StorageError``, or `CancellationError`.
    func removeRemains(of key: ObjectKey) async throws

    /// As ``init(url:_:)``, without what makes objects public or keeps them for long.
    static func forTempFiles(url: String, _ settings: StorageSettings) throws(StorageError) -> Self

    /// Opens the store, and makes it where it can be made.
    ///
    /// - Parameter url: of one of ``schemes``.
    init(url: String, _ settings: StorageSettings) throws(StorageError)
}

extension StoreKind {
    package static var hasUploads: Bool { false }
}
