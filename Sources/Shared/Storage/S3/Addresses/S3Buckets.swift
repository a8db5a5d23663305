package import JobModel
package import Settings

/// The buckets that jobs may read, by their names, as events of buckets name them. Pure.
package struct S3Buckets: Sendable {
    /// nil when the store is no bucket.
    private let store: S3Location?
    private let names: Set<ByteText>

    /// - Throws: ``StorageError`` with code `invalid_url` when `STORAGE_URL` or an entry of `S3_SOURCE_BUCKETS` cannot
    ///   be read.
    package init(_ settings: StorageSettings) throws(StorageError) {
        let isBucket = SourceURL.scheme(settings.storageURL) == S3Location.scheme
        store = isBucket ? try S3Location(settings.storageURL, .process) : nil
        var names: Set<ByteText> = []
        for entry in settings.s3.sourceBuckets {
            let isURL = SourceURL.scheme(entry) == S3Location.scheme
            names.insert(ByteText(isURL ? try S3Location(entry, .process).bucket : entry))
        }
        if let store { names.insert(ByteText(store.bucket)) }
        self.names = names
    }

    /// Where the objects of a store lie: its bucket, and the beginning of their keys. nil for a URL of no bucket.
    ///
    /// - Throws: ``StorageError`` with code `invalid_url`.
    package static func place(_ url: String) throws(StorageError) -> (bucket: ByteText, start: [UInt8])? {
        guard SourceURL.scheme(url) == S3Location.scheme else { return nil }
        let location = try S3Location(url, .process)
        return (ByteText(location.bucket), Array(location.prefix.utf8))
    }

    /// The store's own; nil when the store is no bucket.
    package var storeBucket: ByteText? { store.map { ByteText($0.bucket) } }

    /// The bytes before every key of the store; empty for a store that is no bucket.
    package var storePrefix: [UInt8] { store.map { Array($0.prefix.utf8) } ?? [] }

    /// Whether jobs may read objects of the bucket.
    package func contains(_ bucket: ByteText) -> Bool { names.contains(bucket) }

    /// The key of an object below `STORAGE_URL`, as jobs and updates name it; nil for an object elsewhere.
    package func storeKey(_ bucket: ByteText, _ key: [UInt8]) -> [UInt8]? {
        guard let store, storeBucket == bucket, key.starts(with: store.prefix.utf8) else { return nil }
        return Array(key.dropFirst(store.prefix.utf8.count))
    }
}
