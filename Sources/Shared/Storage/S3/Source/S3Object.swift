internal import HTTPClient
internal import JobModel

/// An object of a bucket as a source. It is read as ``HTTPFetch`` reads all that a URL of HTTP leads to.
struct S3Object: Source {
    let client: S3Client
    let bucket: String
    let key: ObjectKey
    var ranges = SourceRanges()

    var description: String { S3Location.url(bucket: bucket, key).clipped(toBytes: 400).shown }

    func checkAllowed() async throws(StorageError) {}

    func probe() async throws -> SourceFacts {
        let head = try await client.failing("look at", bucket, key) { try await client.head(bucket, key) }
        guard let head else {
            throw StorageError(
                code: .notFound,
                message: "there is no object \(description) at \(client.endpoint.description); upload it first, or "
                    + "correct the job's source",
                verdict: .sourceGone
            )
        }
        return SourceFacts(head)
    }

    /// In one version throughout; goes on in the middle after an interruption.
    func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64 {
        let url = try HTTPURL(bytes: client.url(bucket, key), isTrusted: true)
        let fetch = HTTPFetch(
            subject: "the object \(description)",
            access: .trusted,
            times: HTTPTimes(),
            ranges: ranges,
            client: client.web,
            // The client watches it, for all that is done with the bucket.
            hosts: nil,
            dialect: dialect
        )
        return try await client.failing("read", bucket, key) { try await fetch.fetch(url, request, into: sink) }
    }

    private var dialect: HTTPDialect {
        let get = S3Request(.get, "read", bucket: bucket, key: key)
        var dialect = HTTPDialect()
        dialect.authorise = { [client] request in request = try await client.signed(request, as: get) }
        dialect.corrects = { [client] refusal in await client.corrects(S3Failure(refusal)) }
        dialect.explain = { [client] refusal in S3Failure(refusal).storageError(get, client) }
        dialect.explainFailure = { [client] error in S3Failure(error).storageError(get, client) }
        dialect.followsRedirects = false
        dialect.usesIfMatch = true
        dialect.storesEncodings = true
        dialect.triesAgain = true
        return dialect
    }
}

extension SourceFacts {
    init(_ head: S3ObjectHead) {
        self.init(
            sizeBytes: head.sizeBytes,
            validator: head.entityTag.map { SourceValidator($0) },
            hasRanges: head.entityTag != nil
        )
    }
}

extension S3Failure {
    init(_ refusal: HTTPRefusal) { self.init(refusal.response, body: refusal.body) }
}
