/// Which file a name stands for.
public struct FileIdentity: Sendable, Hashable {
    public var device: UInt64
    public var inode: UInt64

    public init(_ status: FileStatus) {
        device = status.device
        inode = status.inode
    }
}
