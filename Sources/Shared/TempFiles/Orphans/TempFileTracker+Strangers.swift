internal import Files
internal import JobModel
internal import Ledger
internal import Logging
internal import Threads

extension TempFileTracker {
    /// Entries of the workspace beside the jobs' directories that are no part of it. No stage ever writes there, so
    /// somebody else put it there and may want it: they are reported and left alone.
    func strangers(_ policy: OrphanPolicy) async throws(TempFileError) -> [OrphanedFile] {
        let workspace = workspace
        return try await OwnThread.run { () throws(TempFileError) in
            var found: [OrphanedFile] = []
            for directory in [".", Workspace.jobsDirectory] {
                let names: [String]
                do {
                    names = try workspace.root.openDirectory(directory).entryNames()
                } catch let error as FileSystemError {
                    throw TempFileError(error)
                } catch {
                    throw TempFileError(code: .fileSystem, message: "list \(directory): \(error)", isRetriable: true)
                }
                for name in names.sorted() {
                    let path = directory == "." ? name : directory + "/" + name
                    if Workspace.isPart(path) { continue }
                    // It may be gone meanwhile, and what cannot be looked at is there all the same.
                    let status = try? workspace.root.status(path)
                    found.append(
                        OrphanedFile(
                            path: workspace.path + "/" + path,
                            sizeBytes: status?.kind == .file ? status?.sizeBytes ?? 0 : 0,
                            age: .seconds(status.map { policy.age($0.modifiedSeconds) } ?? 0),
                            kind: nil,
                            job: nil,
                            reason: .foreignEntry,
                            detail: "beside the jobs",
                            isRemovable: false
                        )
                    )
                }
            }
            return found
        }
    }

    func warnOfStrangers(_ policy: OrphanPolicy) async throws(TempFileError) {
        for stranger in try await strangers(policy) {
            logger.warning("a foreign entry is left alone", metadata: metadata(stranger))
        }
    }
}
