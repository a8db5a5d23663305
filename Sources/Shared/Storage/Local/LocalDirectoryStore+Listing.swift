internal import Files
package import JobModel
package import Settings
internal import Threads

extension LocalDirectoryStore {
    /// A directory that is made now is nobody else's to look into.
    package static func forTempFiles(
        url: String,
        _ settings: StorageSettings
    ) throws(StorageError) -> LocalDirectoryStore {
        try LocalDirectoryStore(creating: try FileURL.path(url), mode: 0o700, didSynchronize: { _ in })
    }

    /// A file that is being written has no name, so there are no open uploads.
    package func list(_ prefix: String) async throws -> [StoredObject] {
        let (root, flag) = (root, CancellationFlag())
        return try await withTaskCancellationHandler {
            try await OwnThread.run { try Self.list(prefix, in: root, flag) }
        } onCancel: {
            flag.cancel()
        }
    }

    private static func list(
        _ prefix: String,
        in root: RootedDirectory,
        _ flag: CancellationFlag
    ) throws -> [StoredObject] {
        let folder = String(decoding: prefix.utf8.reversed().drop { $0 == UInt8(ascii: "/") }.reversed(), as: UTF8.self)
        let place = folder.utf8.isEmpty ? "" : folder + "/"
        var (found, failure): ([StoredObject], FileSystemError?) = ([], nil)
        do throws(FileSystemError) {
            let directory = try folder.utf8.isEmpty ? root : root.openDirectory(folder)
            directory.walkTree(
                visit: { name, status in
                    guard !flag.isCancelled, status.kind == .file, let key = try? ObjectKey(place + name) else {
                        return
                    }
                    found.append(StoredObject(key: key, sizeBytes: status.sizeBytes))
                },
                didFail: { name, errno in
                    failure = failure ?? FileSystemError(operation: "list", path: place + name, errno: errno)
                }
            )
        } catch  where error.isNotFound {
            return []
        } catch {
            failure = error
        }
        try flag.check()
        if let failure {
            throw StorageError(
                code: .ioFailure,
                message: "the objects in \(FileURL.text(root.path)) cannot be listed: \(failure)",
                verdict: failure.isRetriable ? .transient : .permanent,
                underlying: failure
            )
        }
        return found
    }

    /// A put that makes the directories anew at this moment fails, and is tried again.
    package func removeRemains(of key: ObjectKey) async throws {
        guard let path = try? RelativePath(key.rawValue) else { return }
        await OwnThread.run { [root] in
            // Until one is not empty.
            for parent in path.parents.reversed() {
                guard (try? root.removeDirectory(parent.text)) != nil else { return }
            }
        }
    }
}
