internal import Files
internal import Glibc
package import Settings
internal import Threads

extension LocalDirectoryStore {
    /// More bytes than a file system stores in an inode without allocating a block.
    private static let trialBytes = 4096

    /// With a file that has no name and so leaves nothing.
    package static func trial(url: String, _ settings: StorageSettings?) async throws(StorageError) -> Bool {
        let path = try FileURL.path(url)
        return try await OwnThread.run { () throws(StorageError) in try blockingTrial(path) }
    }

    package static func clockDifference(url: String) -> Int64? { nil }

    private static func blockingTrial(_ path: String) throws(StorageError) -> Bool {
        do throws(FileSystemError) {
            let root = try RootedDirectory(opening: path, crossesMounts: true)
            let file = try root.openUnnamedFile(mode: 0o600)
            try file.write([UInt8](repeating: 0, count: trialBytes))
            return true
        } catch  where error.errno == ENOENT && isAbsentAndPossible(path) {
            return false
        } catch  where error.errno == EOPNOTSUPP && access(path, W_OK | X_OK) == 0 {
            // No file here is without a name; outputs may be links.
            return true
        } catch {
            throw StorageError(
                code: .ioFailure,
                message: "\(path) cannot be written to: \(error); check STORAGE_URL, its disk and its permissions",
                verdict: error.isRetriable ? .transient : .permanent,
                underlying: error
            )
        }
    }

    /// Whether a directory that is not there could be made.
    private static func isAbsentAndPossible(_ path: String) -> Bool {
        var existing = path
        while access(existing, F_OK) != 0, errno == ENOENT, let parent = parentPath(existing) { existing = parent }
        return existing != path && access(existing, W_OK | X_OK) == 0
    }
}
