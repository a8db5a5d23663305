/// Which file a name stands for.
package struct FileIdentity: Sendable, Hashable {
    package var device: UInt64
    package var inode: UInt64

    package init(_ status: FileStatus) {
        device = status.device
        inode = status.inode
    }
}
