internal import JobModel
package import Settings

/// The stores that a process can use, by the schemes of their URLs. Whoever has a URL asks here and knows no scheme.
package struct Stores: Sendable {
    /// The configured store (`STORAGE_URL`).
    package let standard: any Store

    /// Every kind of store there is. A new one is a folder of its own, and a line here.
    package static let kinds: [any StoreKind.Type] = [LocalDirectoryStore.self]

    /// - Throws: ``StorageError`` when the URL is none, or of a scheme that this version does not have, or when the
    ///   store cannot be opened.
    package init(_ settings: StorageSettings) throws(StorageError) {
        standard = try Self.kind(settings.storageURL).init(url: settings.storageURL, settings)
    }

    /// With a given store, for tests.
    package init(standard: any Store) { self.standard = standard }

    /// The store for a job's `destination`, which is a URL prefix.
    package func destination(_ url: String) throws(StorageError) -> any Store {
        // A file destination would let anyone who can publish a message write anywhere on this host.
        throw StorageError(
            code: .unsupportedScheme,
            message: "the job's `destination` \(SourceURL.redacted(url)) is not supported: outputs go to STORAGE_URL; "
                + "leave `destination` out"
        )
    }

    /// Looks at the URL only, not at the place that it names.
    ///
    /// - Throws: ``StorageError`` when no store can be had of it.
    package static func check(_ url: String) throws(StorageError) { try kind(url).check(url: url) }

    /// Tries whether the store of a URL takes outputs now. Leaves nothing there. Does not return while the store hangs.
    ///
    /// - Returns: false when the store is not there and could be made.
    /// - Throws: ``StorageError`` that says why it takes none.
    package static func trial(_ url: String) async throws(StorageError) -> Bool { try await kind(url).trial(url: url) }

    private static func kind(_ url: String) throws(StorageError) -> any StoreKind.Type {
        let scheme = SourceURL.scheme(url)
        if let scheme, let kind = kinds.first(where: { $0.schemes.contains(scheme) }) { return kind }
        throw StorageError(
            code: .unsupportedScheme,
            message: "`\(SourceURL.redacted(url))` is no directory, and this version stores in one only; "
                + "set STORAGE_URL to one, such as file:///var/lib/media-output"
        )
    }
}

/// A kind of store that `STORAGE_URL` names.
package protocol StoreKind: Store {
    /// The schemes of its URLs, in lower case.
    static var schemes: [String] { get }

    /// Looks at the URL only. It is of one of ``schemes``.
    static func check(url: String) throws(StorageError)

    /// As ``Stores/trial(_:)``.
    static func trial(url: String) async throws(StorageError) -> Bool

    /// Opens the store, and makes it where it can be made.
    ///
    /// - Parameter url: of one of ``schemes``.
    init(url: String, _ settings: StorageSettings) throws(StorageError)
}
