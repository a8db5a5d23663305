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
            guard Self.ownership(head, object) == .own else { return .kept }
            try await client.delete(location.bucket, full)
            return .removed
        }
    }

    package func ownership(of object: OwnObject) async throws -> ObjectOwnership {
        let full = try location.fullKey(object.key)
        return try await failing("look at", full) {
            try await client.head(location.bucket, full).map { Self.ownership($0, object) } ?? .absent
        }
    }

    private static func ownership(_ head: S3ObjectHead, _ object: OwnObject) -> ObjectOwnership {
        if let owner = head.owner { return owner.utf8.elementsEqual(object.owner.utf8) ? .own : .foreign }
        switch object.evidence {
        case .put(let validator?):
            return head.entityTag.map { SourceValidator($0) == validator ? .own : .foreign } ?? .unknown
        case .content: return .own
        case .put(nil), .planned, .told: return .unknown
        }
    }
}
