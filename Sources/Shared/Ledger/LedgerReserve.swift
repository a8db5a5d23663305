internal import Files
internal import Glibc

/// Bytes of the workspace's disk that clean-up alone may use: a file beside the ledger that takes its place on the disk
/// and holds nothing. When other programs have filled the disk, it is given up, so that what frees space can be written
/// down; it is made again once there is room.
///
/// The file's size alone tells its state, because a process that dies in between leaves nothing else.
package struct LedgerReserve: Sendable {
    package static let fileName = "ledger.reserve"
    /// A clean-up of some ten thousand files writes less. One of more frees space of its own before it writes.
    package static let bytes: Int64 = 8 << 20
    private static let margin: Int64 = 1 << 20

    let root: RootedDirectory

    /// Bytes that can be written; what the system does not say is taken for enough.
    var availableBytes: Int64 { (try? root.availableBytes()) ?? .max }

    /// Whether it is there in full, so that it could be given up.
    var isWhole: Bool {
        guard let found = try? root.status(Self.fileName) else { return false }
        return found.kind == .file && found.sizeBytes >= Self.bytes
    }

    /// Gives its place to whoever writes next.
    ///
    /// - Returns: whether there was anything to give up.
    func giveUp() -> Bool { (try? root.removeFile(Self.fileName)) == true }

    /// Makes it where there is room for it and a little more. As soon as can be: others may use the disk up again at
    /// any time.
    ///
    /// - Returns: whether it is there now.
    func restore() -> Bool {
        if isWhole { return true }
        guard availableBytes >= Self.bytes + Self.margin,
            let file = try? root.openFile(Self.fileName, flags: O_RDWR | O_CREAT)
        else { return false }
        // The size is all there only when the last block is. Two processes that do this at once do the same.
        if posix_fallocate(file.descriptor, 0, off_t(Self.bytes)) == 0 { return true }
        _ = giveUp()
        return false
    }
}
