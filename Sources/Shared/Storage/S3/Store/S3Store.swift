internal import HTTPClient
package import JobModel
package import Settings

/// Objects of a bucket of Amazon S3, or of a store that speaks its API
/// (`STORAGE_URL=s3://bucket/prefix?endpoint=…&region=…`).
///
/// An object is put whole, or in parts that become one object at once, so readers never see a part of it. Before
/// ``put(_:didWrite:)`` returns, the store has told the size of what it keeps, and its checksum where it has one.
package struct S3Store: StoreKind {
    package static let schemes = [S3Location.scheme]
    package static let keysArePaths = false
    /// Each look costs three requests that are paid for.
    package static let trialInterval = Duration.seconds(60)

    /// A small object takes as long as its few requests.
    package let gainsByParallelPuts = true

    let location: S3Location
    let client: S3Client
    let settings: S3Settings
    /// Of sources.
    let ranges: SourceRanges

    package var description: String { location.description }

    package static func check(url: String) throws(StorageError) { _ = try S3Location(url, .process) }

    package init(url: String, _ settings: StorageSettings) throws(StorageError) {
        let location = try S3Location(url, .process)
        let client = S3Client.shared(location.endpoint, TransferLimits.of(settings))
        self.init(location, client, settings.s3, SourceRanges(settings.webSources))
    }

    init(
        _ location: S3Location,
        _ client: S3Client,
        _ settings: S3Settings,
        _ ranges: SourceRanges = SourceRanges()
    ) {
        self.location = location
        self.client = client
        self.settings = settings
        self.ranges = ranges
    }

    package func start(ofStoreNamed name: ByteText) -> [UInt8]? { location.start(ofPlaceDescribed: Array(name.utf8)) }

    package func check(_ key: ObjectKey) throws(StorageError) { _ = try location.fullKey(key) }

    package func source(_ key: ObjectKey) -> any Source { S3StoredSource(key: key, store: self) }

    package func facts(_ key: ObjectKey) async throws -> SourceFacts? {
        let full = try location.fullKey(key)
        return try await failing("look at", full) { try await client.head(location.bucket, full).map(SourceFacts.init) }
    }

    /// An object lasts when the store has taken it.
    package func synchronize(_ keys: [ObjectKey]) async throws {}

    /// The API does not tell whether there was an object, so it is asked before.
    package func delete(_ key: ObjectKey) async throws -> Bool {
        let full = try location.fullKey(key)
        return try await failing("delete", full) {
            guard try await client.head(location.bucket, full) != nil else { return false }
            try await client.delete(location.bucket, full)
            return true
        }
    }

    /// Does something with the store, unless it is known to be away, and makes the client's failures those of a store.
    ///
    /// - Parameter asksAnyway: also when the store was away a moment ago.
    func failing<R>(
        _ purpose: String,
        _ key: ObjectKey?,
        asksAnyway: Bool = false,
        _ body: () async throws -> R
    ) async throws -> R {
        try await client.failing(purpose, location.bucket, key, asksAnyway: asksAnyway, body)
    }
}

/// An object of the store as a source.
private struct S3StoredSource: Source {
    let key: ObjectKey
    let store: S3Store

    var description: String { "\(key)" }

    func checkAllowed() async throws(StorageError) { try store.check(key) }

    func probe() async throws -> SourceFacts { try await object().probe() }

    func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64 {
        try await object().fetch(request, into: sink)
    }

    private func object() throws -> S3Object {
        let key = try store.location.fullKey(key)
        return S3Object(client: store.client, bucket: store.location.bucket, key: key, ranges: store.ranges)
    }
}
