internal import HTTPClient
internal import JobModel
package import Settings

/// The buckets of `S3_SOURCE_BUCKETS`.
extension S3Source {
    /// Looks at the value of `S3_SOURCE_BUCKETS`.
    ///
    /// - Throws: ``StorageError`` with code `invalid_url`, which repeats no secret.
    package static func check(buckets text: String) throws(StorageError) {
        for entry in S3Settings.words(of: text) {
            guard isURL(entry) else {
                try check(name: entry)
                continue
            }
            let location = try S3Location(entry, .process)
            if !location.prefix.isEmpty { throw notWhole(entry, location.bucket) }
        }
    }

    private static func check(name: String) throws(StorageError) {
        let place = try S3Location("s3://\(name)", .process)
        if name.utf8.contains(UInt8(ascii: "/")) { throw notWhole(name, place.bucket) }
        guard ByteText(place.bucket) == ByteText(name) else {
            throw StorageError(
                code: .invalidURL,
                message: "the bucket \(place.bucket) has parameters; write s3:// before it, or its name alone"
            )
        }
    }

    private static func notWhole(_ entry: String, _ bucket: String) -> StorageError {
        StorageError(
            code: .invalidURL,
            message: "`\(SourceURL.redacted(entry))` is a part of a bucket, and jobs may read whole buckets alone: "
                + "leave out what stands behind \(bucket), and limit the credentials to that part"
        )
    }

    private static func isURL(_ entry: String) -> Bool { SourceURL.scheme(entry) == S3Location.scheme }

    /// Where a bucket of `S3_SOURCE_BUCKETS` is: for a name alone, where the store is.
    ///
    /// - Throws: ``StorageError`` with code `invalid_url`.
    private static func location(
        _ entry: String,
        _ settings: StorageSettings
    ) throws(StorageError) -> (bucket: String, endpoint: S3Endpoint) {
        if isURL(entry) {
            let location = try S3Location(entry, .process)
            return (location.bucket, location.endpoint)
        }
        if let store = try store(settings) { return (entry, store.endpoint) }
        return (entry, try S3Location("s3://\(entry)", .process).endpoint)
    }

    /// nil when the store is no bucket.
    private static func store(_ settings: StorageSettings) throws(StorageError) -> S3Location? {
        isURL(settings.storageURL) ? try S3Location(settings.storageURL, .process) : nil
    }

    /// - Returns: nil when jobs may not read from the bucket.
    /// - Throws: ``StorageError`` with code `invalid_url`.
    static func endpoint(of bucket: String, _ settings: StorageSettings) throws(StorageError) -> S3Endpoint? {
        if let store = try store(settings), ByteText(store.bucket) == ByteText(bucket) { return store.endpoint }
        for entry in settings.s3.sourceBuckets {
            let found = try location(entry, settings)
            if ByteText(found.bucket) == ByteText(bucket) { return found.endpoint }
        }
        return nil
    }

    /// A bucket of `S3_SOURCE_BUCKETS` for people, with its endpoint.
    package static func name(ofBucket entry: String, _ settings: StorageSettings) -> String {
        guard let (bucket, endpoint) = try? location(entry, settings) else { return SourceURL.redacted(entry) }
        return "s3://\(bucket)" + (endpoint.isAmazon ? "" : " at \(endpoint.description)")
    }

    /// Tries whether a bucket can be read, by a list of one object at most. Changes nothing. Does not return while the
    /// store hangs.
    ///
    /// - Parameter entry: of `S3_SOURCE_BUCKETS`.
    /// - Returns: false when it may not be listed; its objects may be readable all the same.
    /// - Throws: ``StorageError``.
    package static func trial(
        bucket entry: String,
        _ settings: StorageSettings
    ) async throws(StorageError) -> Bool {
        let (bucket, endpoint) = try location(entry, settings)
        let client = S3Client.shared(endpoint, TransferLimits.of(settings))
        do {
            return try await client.failing("list", bucket, nil, asksAnyway: true) {
                do {
                    _ = try await client.list(bucket, prefix: "", maximum: 1)
                    return true
                } catch let failure as S3Failure where failure.isForbidden { return false }
            }
        } catch let error as StorageError {
            throw error
        } catch {
            throw StorageError(code: .storeUnavailable, message: "the trial was ended: \(error)", verdict: .transient)
        }
    }
}
