internal import Files
internal import Glibc
internal import JobModel

extension LocalDirectoryStore {
    /// The file of an object tells whose it is, by an attribute. Without one, as on a file system that has none, a link
    /// to the job's own file is that file, and an object that was noted when it was put has the identity of then.
    /// Another host's word, or the same bytes, make no file the job's.
    package func remove(_ object: OwnObject) async throws -> ObjectRemovalAnswer {
        let isOwn: Bool
        do {
            isOwn = try await open(object.key) { file in try Self.isOwn(file, object) }
        } catch let error as StorageError where error.verdict == .sourceGone {
            return .absent
        }
        guard isOwn else { return .kept }
        return try await delete(object.key) ? .removed : .absent
    }

    private static let ownerAttribute = "user.media-processor.job"

    /// Notes whose object a file becomes, where the file system can.
    static func note(_ owner: String?, on file: borrowing OpenFile) {
        guard let owner else { return }
        _ = try? file.setAttribute(ownerAttribute, Array(owner.utf8))
    }

    private static func isOwn(_ file: borrowing OpenFile, _ object: OwnObject) throws -> Bool {
        if let owner = file.attribute(ownerAttribute) { return owner.elementsEqual(object.owner.utf8) }
        switch object.evidence {
        case .put(let validator): return try file.sourceFacts("the object").validator == validator
        case .told: return false
        case .content: return true
        case .planned(let path):
            guard let path else { return false }
            let own = OpenFile(owning: Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), path: path)
            guard own.descriptor >= 0 else { return false }
            let (left, right) = (try file.status(), try own.status())
            return left.kind == .file && right.kind == .file && FileIdentity(left) == FileIdentity(right)
        }
    }
}
