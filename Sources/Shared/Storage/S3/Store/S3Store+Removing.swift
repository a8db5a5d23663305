internal import HTTPClient
internal import JobModel

extension S3Store {
    /// The name of the metadata that tells which job has put an object.
    static let ownerName = "media-processor-job"

    /// The object itself tells whose it is, where its store keeps metadata.
    package func remove(_ object: OwnObject) async throws -> ObjectRemovalAnswer {
        let full = try location.fullKey(object.key)
        return try await failing("remove", full) {
            guard let head = try await client.head(location.bucket, full) else { return .absent }
            guard Self.isOwn(head, object) else { return .kept }
            try await client.delete(location.bucket, full)
            return .removed
        }
    }

    private static func isOwn(_ head: S3ObjectHead, _ object: OwnObject) -> Bool {
        if let owner = head.owner { return owner.utf8.elementsEqual(object.owner.utf8) }
        switch object.evidence {
        case .put(let validator?): return head.entityTag.map { SourceValidator($0) } == validator
        case .content: return true
        case .put(nil), .planned, .told: return false
        }
    }
}
