internal import Files
internal import Glibc
internal import JobModel
package import Settings
internal import Threads

/// A source given as a `file:` URL, from the directories that the operator allows (`FILE_SOURCE_ROOTS`).
package struct LocalFileSource: SourceKind {
    package static let schemes = [FileURL.scheme]

    private let url: String
    private let roots: [String]

    package init(url: String, _ settings: StorageSettings) { self.init(url: url, roots: settings.fileSourceRoots) }

    /// - Parameter roots: absolute paths of the directories that it may lie in.
    package init(url: String, roots: [String]) {
        self.url = url
        self.roots = roots
    }

    package var description: String { SourceURL.redacted(url) }

    package func probe() async throws -> SourceFacts {
        try await open { file, subject in try file.sourceFacts(subject) }
    }

    /// Reads the file from its start to its end. Symbolic links beneath a root are refused.
    package func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64 {
        try await Delivery.run(request, to: sink) { delivery in
            try await open { file, subject in try file.deliver(try file.sourceFacts(subject), delivery) }
        }
    }

    package func checkAllowed() async throws(StorageError) {
        do {
            _ = try await probe()
        } catch let error as StorageError where [.notAllowed, .invalidURL].contains(error.code) {
            throw error
        } catch {
            // It may be there, and readable, when the job comes to it.
        }
    }

    private func open<R: Sendable>(
        _ body: @escaping @Sendable (borrowing OpenFile, _ subject: String) throws -> R
    ) async throws -> R {
        let path = try FileURL.path(url)
        let subject = "the source \(path.clipped(toBytes: 300).shown)"
        guard let (root, name) = locate(path) else {
            let allowed = roots.isEmpty ? "none is allowed" : "allowed are \(roots.joined(separator: ", "))"
            throw StorageError(
                code: .notAllowed,
                message: "\(subject) is outside the allowed directories (\(allowed)); see FILE_SOURCE_ROOTS"
            )
        }
        return try await OwnThread.run {
            do {
                let directory = try RootedDirectory(opening: root, crossesMounts: true)
                let file = try directory.openFile(name, flags: O_RDONLY | O_NONBLOCK)
                return try body(file, subject)
            } catch let error as FileSystemError {
                throw Self.failure(error, subject)
            }
        }
    }

    private static func failure(_ error: FileSystemError, _ subject: String) -> StorageError {
        let (code, hint): (StorageError.Code, String) =
            error.isNotFound
            ? (.notFound, "") : error.isOutsideRoot ? (.notAllowed, "; give the real path") : (.ioFailure, "")
        return StorageError(
            code: code,
            message: "cannot read \(subject): \(error.description.shown)\(hint)",
            verdict: error.isNotFound ? .sourceGone : error.isRetriable ? .transient : .permanent,
            underlying: error
        )
    }

    private func locate(_ path: String) -> (root: String, name: String)? {
        for root in roots {
            if let name = relativePath(path, beneath: root) { return (root, name) }
        }
        return nil
    }
}
