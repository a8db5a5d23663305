internal import Files
internal import Glibc
internal import JobModel
internal import Threads

/// Sources given as `file:` URLs, from the directories that the operator allows (`FILE_SOURCE_ROOTS`).
public struct LocalFileSource: Sendable {
    private let roots: [String]

    public init(roots: [String]) { self.roots = roots }

    /// - Returns: the file's size in bytes.
    /// - Throws: ``StorageError``.
    public func size(_ url: String) async throws -> Int64 { try await open(url) { try $0.status().sizeBytes } }

    /// Reads the file from its start to its end. Symbolic links beneath a root are refused.
    ///
    /// - Returns: the bytes read.
    /// - Throws: ``StorageError``, or what `consume` threw.
    public func read(
        _ url: String,
        consume: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws -> Int64 {
        try await open(url) { try $0.forEachPiece(consume) }
    }

    /// Looks whether a job may have the file as its source. That it is not there, or no file, does not matter here.
    ///
    /// - Throws: ``StorageError`` with code `source_not_allowed` or `invalid_url`, as reading it would.
    public func checkAllowed(_ url: String) async throws(StorageError) {
        do {
            _ = try await size(url)
        } catch let error as StorageError where [.notAllowed, .invalidURL].contains(error.code) {
            throw error
        } catch {
            // It may be there, and readable, when the job comes to it.
        }
    }

    private func open(
        _ url: String,
        _ body: @escaping @Sendable (borrowing OpenFile) throws -> Int64
    ) async throws -> Int64 {
        let path = try SourceURL.filePath(url)
        let shown = path.clipped(toBytes: 300).shown
        guard let (root, name) = locate(path) else {
            let allowed = roots.isEmpty ? "none is allowed" : "allowed are \(roots.joined(separator: ", "))"
            throw StorageError(
                code: .notAllowed,
                message: "the source \(shown) is outside the allowed directories (\(allowed)); see FILE_SOURCE_ROOTS"
            )
        }
        return try await OwnThread.run {
            do {
                let directory = try RootedDirectory(opening: root, crossesMounts: true)
                let file = try directory.openFile(name, flags: O_RDONLY | O_NONBLOCK)
                try LocalDirectoryStore.requireFile(file, "the source \(shown)")
                return try body(file)
            } catch let error as FileSystemError {
                let (code, hint) =
                    error.isNotFound
                    ? (StorageError.Code.notFound, "")
                    : error.isOutsideRoot ? (.notAllowed, "; give the real path") : (.ioFailure, "")
                throw StorageError(
                    code: code,
                    message: "cannot read the source \(shown): \(error.description.shown)\(hint)",
                    isRetriable: error.isRetriable,
                    underlying: error
                )
            }
        }
    }

    private func locate(_ path: String) -> (root: String, name: String)? {
        for root in roots {
            if let name = relativePath(path, beneath: root) { return (root, name) }
        }
        return nil
    }
}
