internal import HTTPClient
internal import JobModel

extension S3Client {
    /// Does something with a bucket, unless its server is known to be away, and makes the failures those of a store.
    ///
    /// What is done may be many requests: the server is looked at before the first one, and only the end of them all
    /// tells whether it is away.
    ///
    /// - Parameters:
    ///   - purpose: the verb for messages.
    ///   - asksAnyway: also when the server was away a moment ago.
    /// - Throws: ``StorageError``, or what else `body` throws.
    func failing<R>(
        _ purpose: String,
        _ bucket: String,
        _ key: ObjectKey?,
        asksAnyway: Bool = false,
        _ body: () async throws -> R
    ) async throws -> R {
        let server = endpoint.server(of: bucket)
        if !asksAnyway {
            let subject = key.map { "the object `\($0)`" } ?? "the bucket \(bucket)"
            try hosts.check(server, subject, code: .storeUnavailable)
        }
        do {
            let result = try await body()
            hosts.note(server, nil)
            return result
        } catch let failure as S3Failure {
            let error = failure.storageError(S3Request(.get, purpose, bucket: bucket, key: key), self)
            hosts.note(server, error)
            throw error
        } catch let error as StorageError where error.away?.host == server {
            hosts.note(server, error)
            throw error
        }
    }
}
