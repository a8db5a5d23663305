internal import JobModel
package import Settings

extension S3Store {
    /// The key of an upload that never becomes an object.
    private static let trialKey = ".media-processor-trial"

    /// With an upload that is begun and aborted, which leaves nothing, not even in a bucket with versions.
    package static func trial(url: String, _ settings: StorageSettings?) async throws(StorageError) -> Bool {
        let location = try S3Location(url, .process)
        do {
            try await S3Store(location, .shared(location.endpoint), settings?.s3 ?? S3Settings()).tryUpload()
            return true
        } catch let error as StorageError {
            throw error
        } catch {
            throw StorageError(code: .storeUnavailable, message: "the trial was ended: \(error)", verdict: .transient)
        }
    }

    package static func clockDifference(url: String) -> Int64? {
        (try? S3Location(url, .process)).map { S3Client.shared($0.endpoint).clockDifference }
    }

    /// - Throws: ``StorageError`` or `CancellationError`.
    func tryUpload() async throws {
        let key: ObjectKey
        do throws(ObjectKeyError) { key = try ObjectKey(location.prefix + Self.trialKey) } catch {
            throw StorageError(code: .invalidURL, message: "the prefix of STORAGE_URL is too long: \(error.reason)")
        }
        try await failing("begin an upload of", key, asksAnyway: true) {
            try await requireBucket(key)
            let id = try await client.createUpload(location.bucket, key, attributes(nil), hasChecksums: false)
            try await client.abortUpload(id, location.bucket, key)
        }
    }

    /// Some stores make a bucket that is not there when something is put into it, so a misspelt name would pass.
    private func requireBucket(_ key: ObjectKey) async throws {
        do {
            _ = try await client.listObjects(location.bucket, prefix: key.rawValue, continuation: nil)
        } catch let failure as S3Failure where failure.web == nil && failure.status == 403 {
            // Who may put objects need not be allowed to list them.
        }
    }
}
