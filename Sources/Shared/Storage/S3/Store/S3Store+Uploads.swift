internal import HTTPClient
internal import JobModel

extension S3Store {
    package static let hasUploads = true

    /// All that the store lists beneath the prefix of its URL, whoever has begun them.
    package func openUploads() async throws -> [OpenUpload] {
        let listed = try await failing("list the uploads in", nil) {
            try await client.listUploads(location.bucket, prefix: location.prefix)
        }
        // The answer has told the store's time, by which it dates uploads.
        let now = client.storeTime
        return listed.compactMap { upload in
            guard upload.key.utf8.starts(with: location.prefix.utf8),
                let key = ByteText(utf8: upload.key.utf8.dropFirst(location.prefix.utf8.count))
            else { return nil }
            let age = upload.initiated.map { max(now.secondsSince1970.subtractingClamped($0.secondsSince1970), 0) }
            return OpenUpload(key: key, id: upload.id, ageSeconds: age)
        }
    }

    package func abort(_ upload: OpenUpload) async throws {
        let key: ObjectKey
        do throws(ObjectKeyError) { key = try ObjectKey(location.prefix + upload.key.string) } catch {
            throw StorageError(code: .invalidKey, message: "\(error)")
        }
        try await failing("abort the upload of", key) { try await client.abortUpload(upload.id, location.bucket, key) }
    }
}

extension Int64 {
    /// A difference that does not fit becomes the nearest that does.
    fileprivate func subtractingClamped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (self < other ? .min : .max) : difference
    }
}
