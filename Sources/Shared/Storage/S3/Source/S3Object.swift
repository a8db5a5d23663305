internal import HTTPClient
internal import JobModel
internal import Synchronization

/// An object of a bucket as a source, by ranges.
struct S3Object: Source {
    let client: S3Client
    let bucket: String
    let key: ObjectKey

    /// Interruptions in a row without a byte in between; then the job's own retries follow.
    private static let maximumInterruptions = 3

    var description: String { S3Location.url(bucket: bucket, key).clipped(toBytes: 400).shown }

    func checkAllowed() async throws(StorageError) {}

    func probe() async throws -> SourceFacts { SourceFacts(try await head()) }

    private func head() async throws -> S3ObjectHead {
        let head = try await failing("look at") { try await client.head(bucket, key) }
        guard let head else {
            throw StorageError(
                code: .notFound,
                message: "there is no object \(description) at \(client.endpoint.description); upload it first, or "
                    + "correct the job's source",
                verdict: .sourceGone
            )
        }
        return head
    }

    /// Goes on in the middle after an interruption, as long as the object is the same.
    func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64 {
        try await Delivery.run(request, to: sink) { delivery in
            let head = try await head()
            let facts = SourceFacts(head)
            let start = try delivery.begin(facts)
            var interruptions = 0
            while delivery.totalBytes < facts.sizeBytes ?? .max {
                let before = delivery.totalBytes
                do {
                    try await read(from: before, head, delivery)
                    guard let size = facts.sizeBytes, delivery.totalBytes < size else { break }
                    throw S3Client.malformed("its answer has \(delivery.totalBytes) of \(size) bytes")
                } catch let failure as S3Failure {
                    interruptions = delivery.totalBytes > before ? 1 : interruptions + 1
                    guard failure.isTransient, interruptions < Self.maximumInterruptions,
                        failure.retryAfter ?? .zero <= .seconds(5), facts.validator != nil
                    else { throw error(failure) }
                    try await Task.sleep(for: failure.retryAfter ?? .milliseconds(Int.random(in: 100...500)))
                }
            }
            return max(delivery.totalBytes, start)
        }
    }

    private func read(from start: Int64, _ head: S3ObjectHead, _ delivery: Delivery) async throws {
        var get = S3Request(.get, "read", bucket: bucket, key: key, timeouts: S3Request.transferTimeouts)
        get.maximumBodyBytes = .max
        // One version throughout.
        if let tag = head.entityTag { get.headers.add("if-match", tag) }
        if start > 0 { get.headers.add("range", "bytes=\(start)-") }
        let sink = S3DeliverySink(delivery, start: start)
        do {
            _ = try await client.stream(get, into: sink)
        } catch let failure as S3Failure where failure.isPreconditionFailed {
            throw StorageError(
                code: .changed,
                message: "\(description) was replaced while it was read; the next try reads the new one",
                verdict: .transient
            )
        }
    }

    private func failing<R>(_ purpose: String, _ body: () async throws -> R) async throws -> R {
        do { return try await body() } catch let failure as S3Failure { throw error(failure, purpose) }
    }

    private func error(_ failure: S3Failure, _ purpose: String = "read") -> StorageError {
        failure.storageError(S3Request(.get, purpose, bucket: bucket, key: key), client)
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

/// Gives the body of a response to a delivery, when it begins at the right place.
private final class S3DeliverySink: WebResponseSink {
    private let delivery: Delivery
    private let start: Int64

    init(_ delivery: Delivery, start: Int64) {
        self.delivery = delivery
        self.start = start
    }

    func begin(_ response: WebResponse) throws {
        guard start > 0 else { return }
        let wanted = "bytes \(start)-"
        guard response.status == 206, let range = response.headers["content-range"], range.starts(with: wanted.utf8)
        else { throw S3Client.malformed("its answer begins elsewhere than at byte \(start)") }
    }

    func receive(_ bytes: RawSpan) throws { try bytes.withUnsafeBytes { try delivery.write($0) } }
}
