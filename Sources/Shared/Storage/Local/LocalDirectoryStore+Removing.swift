internal import Digests
internal import Files
internal import Glibc
internal import JobModel

extension LocalDirectoryStore {
    /// The file of an object tells whose it is: a link to the job's own file is that file, and a copy has the identity
    /// that was noted when it was made.
    package func remove(_ object: OwnObject) async throws -> ObjectRemovalAnswer {
        let isOwn: Bool
        do {
            isOwn = try await open(object.key) { file in try Self.isOwn(file, object.evidence) }
        } catch let error as StorageError where error.verdict == .sourceGone {
            return .absent
        }
        guard isOwn else { return .kept }
        return try await delete(object.key) ? .removed : .absent
    }

    private static func isOwn(_ file: borrowing OpenFile, _ evidence: OwnObject.Evidence) throws -> Bool {
        switch evidence {
        case .put(let validator): return try file.sourceFacts("the object").validator == validator
        case .told, .content: return true
        case .planned(let path):
            guard let path else { return false }
            let own = OpenFile(owning: Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), path: path)
            guard own.descriptor >= 0 else { return false }
            let (left, right) = (try file.status(), try own.status())
            guard left.kind == .file, right.kind == .file, left.sizeBytes == right.sizeBytes else { return false }
            if FileIdentity(left) == FileIdentity(right) { return true }
            // A copy, whose maker died before it could note which.
            return try digest(file) == digest(own)
        }
    }

    private static func digest(_ file: borrowing OpenFile) throws -> [UInt8] {
        guard let digest = RunningDigest(.sha256) else { return [] }
        _ = try file.forEachPiece { digest.update($0) }
        return digest.finish()
    }
}
