internal import Files
internal import Glibc

extension OpenFile {
    /// An open file's facts as a source. The validator changes with the file's content: whoever writes to
    /// a file changes its time, its size or both.
    ///
    /// - Parameter subject: the file, for the message.
    /// - Throws: ``StorageError`` when it is no regular file, or `FileSystemError`.
    func sourceFacts(_ subject: String) throws -> SourceFacts {
        let status = try status()
        guard status.kind == .file else {
            throw StorageError(code: .notFound, message: "\(subject) is no regular file", verdict: .sourceGone)
        }
        let parts: [any BinaryInteger] = [
            status.device, status.inode, status.sizeBytes, status.modifiedSeconds, status.modifiedNanoseconds,
        ]
        return SourceFacts(
            sizeBytes: status.sizeBytes,
            validator: SourceValidator(parts.map { "\($0)" }.joined(separator: "-")),
            hasRanges: true
        )
    }

    /// Reads an open file into a sink.
    ///
    /// - Returns: the size of the source.
    func deliver(_ facts: SourceFacts, _ delivery: Delivery) throws -> Int64 {
        let start = try delivery.begin(facts)
        if start > 0, lseek(descriptor, off_t(start), SEEK_SET) < 0 {
            throw FileSystemError(operation: "seek", path: path, errno: errno)
        }
        _ = try forEachPiece(delivery.write)
        return delivery.totalBytes
    }
}
