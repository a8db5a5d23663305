internal import Glibc

/// The kernel's status of a directory entry, without following it.
public struct FileStatus: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case file
        case directory
        case symbolicLink
        case other
    }

    public var kind: Kind
    public var sizeBytes: Int64
    /// Bytes on the device, which deleting gives back (a sparse file holds less than its size).
    public var allocatedBytes: Int64
    public var linkCount: UInt64
    public var device: UInt64
    public var inode: UInt64
    /// Seconds since 1970 by the wall clock.
    public var modifiedSeconds: Int64
    /// The part of a second beyond ``modifiedSeconds``.
    package var modifiedNanoseconds: Int64
    public var permissions: UInt32
    public var owner: UInt32
    public var group: UInt32

    init(_ raw: stat) {
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
        sizeBytes = Int64(raw.st_size)
        allocatedBytes = Int64(raw.st_blocks) * 512
        linkCount = UInt64(raw.st_nlink)
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        modifiedSeconds = Int64(raw.st_mtim.tv_sec)
        modifiedNanoseconds = Int64(raw.st_mtim.tv_nsec)
        permissions = raw.st_mode & 0o7777
        owner = raw.st_uid
        group = raw.st_gid
    }
}
