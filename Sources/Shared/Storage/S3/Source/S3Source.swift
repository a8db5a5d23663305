internal import HTTPClient
internal import JobModel
package import Settings

/// An object that a job names by `s3://BUCKET/KEY`: of the store's own bucket, or of one in `S3_SOURCE_BUCKETS`.
///
/// All that stands after the slash behind the bucket is the key, byte by byte: nothing of it is decoded, and a `?` or
/// `#` in it belongs to it.
package struct S3Source: SourceKind {
    package static let schemes = [S3Location.scheme]

    private let url: String
    private let settings: StorageSettings

    package init(url: String, _ settings: StorageSettings) {
        self.url = url
        self.settings = settings
    }

    package var description: String { SourceURL.redacted(url) }

    package func checkAllowed() async throws(StorageError) { _ = try object() }

    package func probe() async throws -> SourceFacts { try await object().probe() }

    package func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64 {
        try await object().fetch(request, into: sink)
    }

    private func object() throws(StorageError) -> S3Object {
        let place = try S3Place(Array(url.utf8), of: url)
        let key: ObjectKey
        do throws(ObjectKeyError) {
            key = try ObjectKey(String(decoding: place.rest, as: UTF8.self))
        } catch {
            throw S3Location.refusal(url, error.reason)
        }
        try S3Location.checkSegments(of: key)
        guard let endpoint = try Self.endpoint(of: place.bucket, settings) else {
            throw StorageError(
                code: .notAllowed,
                message:
                    "jobs may not have sources in the bucket \(place.bucket); add it to S3_SOURCE_BUCKETS, or copy "
                    + "the object to the store"
            )
        }
        return S3Object(
            client: .shared(endpoint, TransferLimits.of(settings)),
            bucket: place.bucket,
            key: key,
            ranges: SourceRanges(settings.webSources)
        )
    }
}
