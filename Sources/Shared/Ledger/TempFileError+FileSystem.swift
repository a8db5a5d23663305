package import Files
package import JobModel

extension TempFileError {
    /// A failed call to the file system. A path that leaves its root is told apart from other failures.
    package init(_ cause: FileSystemError) {
        self.init(
            code: cause.isOutsideRoot ? .foreignPath : cause.isNotFound ? .missingFile : .fileSystem,
            message: cause.description,
            isRetriable: cause.isRetriable,
            errno: cause.errno
        )
    }
}

/// Runs `body` and turns what the file system answers into a ``TempFileError``.
package func onFileSystem<T: ~Copyable>(_ body: () throws(FileSystemError) -> T) throws(TempFileError) -> T {
    do { return try body() } catch { throw TempFileError(error) }
}
