internal import Files
internal import Glibc
internal import JobModel

extension LocalDirectoryStore {
    /// A directory beneath that of a trusted path, made where it is missing, and reached through no symbolic link.
    ///
    /// - Parameter rest: relative; empty for the directory itself. Anybody's text.
    /// - Throws: ``StorageError`` with code `destination_not_allowed` when the way leads out of the directory.
    convenience init(creating path: String, beneath rest: String) throws(StorageError) {
        let root: RootedDirectory
        do throws(FileSystemError) {
            root = try Self.directory(path, beneath: rest)
        } catch {
            throw StorageError(
                code: error.isOutsideRoot ? .destinationNotAllowed : .ioFailure,
                message: "the destination beneath \(FileURL.text(path)) cannot be opened: \(error.description.shown)",
                verdict: error.isRetriable ? .transient : .permanent,
                underlying: error
            )
        }
        self.init(root: root)
    }

    private static func directory(_ path: String, beneath rest: String) throws(FileSystemError) -> RootedDirectory {
        let top = try RootedDirectory.create(path, mode: 0o755, crossesMounts: true)
        if rest.utf8.isEmpty { return top }
        let place: RelativePath
        do throws(PathProblem) { place = try RelativePath(rest) } catch {
            throw FileSystemError(operation: "open directory", path: rest, errno: EINVAL)
        }
        do throws(FileSystemError) { _ = try top.openDirectory(place) } catch  where error.isNotFound {
            try top.makeDirectories(place, mode: 0o755)
        }
        // Names of directories must be on the device before objects in them count as published, and whoever has made
        // them may have died since.
        for parent in place.parents { try top.openDirectory(parent).synchronize() }
        try top.synchronize()
        return try top.openDirectory(place)
    }
}
