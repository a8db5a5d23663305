internal import HTTPClient
package import JobModel
package import Settings

extension S3Store {
    package static func forTempFiles(url: String, _ settings: StorageSettings) throws(StorageError) -> S3Store {
        let location = try S3Location(url, .process)
        return forTempFiles(location, S3Client.shared(location.endpoint, TransferLimits.of(settings)), settings.s3)
    }

    static func forTempFiles(_ location: S3Location, _ client: S3Client, _ settings: S3Settings) -> S3Store {
        var settings = settings
        settings.cacheControl = nil
        settings.accessControl = nil
        settings.storageClass = nil
        return S3Store(location, client, settings)
    }

    /// Pages of a listing; a store that says it has more is not believed beyond.
    private static let maximumPages = 10_000

    package func list(_ prefix: String) async throws -> [StoredObject] {
        try await failing("list", nil) {
            var found: [StoredObject] = []
            let full = location.prefix + prefix
            func add(_ key: String, _ sizeBytes: Int64, isOpenUpload: Bool) {
                guard key.utf8.starts(with: location.prefix.utf8) else { return }
                let own = String(decoding: key.utf8.dropFirst(location.prefix.utf8.count), as: UTF8.self)
                guard let own = try? ObjectKey(own) else { return }
                found.append(StoredObject(key: own, sizeBytes: sizeBytes, isOpenUpload: isOpenUpload))
            }
            var continuation: String?
            for _ in 0..<Self.maximumPages {
                let page = try await client.listObjects(location.bucket, prefix: full, continuation: continuation)
                for (key, size) in page.objects { add(key, size, isOpenUpload: false) }
                guard let next = page.next else { break }
                continuation = next
            }
            for upload in try await openUploads(full) { add(upload.key.string, 0, isOpenUpload: true) }
            return found
        }
    }

    package func removeRemains(of key: ObjectKey) async throws {
        let full = try location.fullKey(key)
        try await failing("abort uploads of", full) {
            for upload in try await openUploads(full.rawValue) where upload.key == ByteText(full.rawValue) {
                try await client.abortUpload(upload.id, location.bucket, full)
            }
        }
    }

    /// None where a store does not list them, or we may not.
    private func openUploads(_ prefix: String) async throws -> [S3OpenUpload] {
        do {
            return try await client.listUploads(location.bucket, prefix: prefix)
        } catch let failure as S3Failure where !failure.isTransient {
            return []
        }
    }
}

extension S3Client {
    /// One page of the objects whose keys begin with a prefix, in the order of their keys' bytes.
    ///
    /// - Parameter continuation: of the page before.
    func listObjects(
        _ bucket: String,
        prefix: String,
        continuation: String?
    ) async throws -> (objects: [(key: String, sizeBytes: Int64)], next: String?) {
        var query: S3Query = ["list-type": "2", "prefix": prefix, "encoding-type": "url"]
        query["continuation-token"] = continuation
        let document = try await documented(S3Request(.get, "list", bucket: bucket, query: query), "ListBucketResult")
        let isEncoded = document["EncodingType"]?.string == "url"
        return (
            document.children("Contents").compactMap { object in
                object["Key"].flatMap { Self.text($0, isEncoded: isEncoded) }.map { ($0, object["Size"]?.integer ?? 0) }
            },
            document["IsTruncated"]?.string == "true" ? document["NextContinuationToken"]?.string : nil
        )
    }
}
