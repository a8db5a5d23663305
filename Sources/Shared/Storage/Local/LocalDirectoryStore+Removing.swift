internal import Files
internal import Glibc
internal import JobModel

extension LocalDirectoryStore {
    /// The file of an object tells whose it is, by an attribute. Without one, as on a file system that has none, a link
    /// to the job's own file is that file, and an object that was noted when it was put has the identity of then.
    /// Another host's word, or the same bytes, make no file the job's.
    package func remove(_ object: OwnObject) async throws -> ObjectRemovalAnswer {
        switch try await ownership(of: object) {
        case .own: try await delete(object.key) ? .removed : .absent
        case .foreign, .unknown: .kept
        case .absent: .absent
        }
    }

    package func ownership(of object: OwnObject) async throws -> ObjectOwnership {
        do {
            return try await open(object.key) { file in try Self.ownership(file, object) }
        } catch let error as StorageError where error.verdict == .sourceGone {
            return .absent
        }
    }

    private static let ownerAttribute = "user.media-processor.job"

    /// Notes whose object a file becomes, where the file system can.
    static func note(_ owner: String?, on file: borrowing OpenFile) {
        guard let owner else { return }
        _ = try? file.setAttribute(ownerAttribute, Array(owner.utf8))
    }

    private static func ownership(_ file: borrowing OpenFile, _ object: OwnObject) throws -> ObjectOwnership {
        if let owner = file.attribute(ownerAttribute) {
            return owner.elementsEqual(object.owner.utf8) ? .own : .foreign
        }
        switch object.evidence {
        case .put(let validator):
            if try file.sourceFacts("the object").validator == validator { return .own }
            return validator == nil ? .unknown : .foreign
        case .told: return .unknown
        case .content: return .own
        case .planned(let path):
            guard let path else { return .unknown }
            let own = OpenFile(owning: Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), path: path)
            guard own.descriptor >= 0 else { return .unknown }
            let (left, right) = (try file.status(), try own.status())
            let isSame = left.kind == .file && right.kind == .file && FileIdentity(left) == FileIdentity(right)
            return isSame ? .own : .unknown
        }
    }
}
