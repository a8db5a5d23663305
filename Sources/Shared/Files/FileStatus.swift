internal import CLinux
internal import Glibc

/// The kernel's status of a file, a directory or a link.
package struct FileStatus: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case file
        case directory
        case symbolicLink
        case other
    }

    package var kind: Kind
    package var sizeBytes: Int64
    /// Bytes on the device, which deleting gives back (a sparse file holds less than its size).
    package var allocatedBytes: Int64
    package var linkCount: UInt64
    package var device: UInt64
    package var inode: UInt64
    /// Seconds since 1970 by the wall clock.
    package var modifiedSeconds: Int64
    /// The part of a second beyond ``modifiedSeconds``.
    package var modifiedNanoseconds: Int64
    package var permissions: UInt32
    package var owner: UInt32
    package var group: UInt32

    /// Of the file that a path leads to; nil with `errno` when there is none to be seen.
    package init?(path: String) {
        var raw = clinux_status()
        guard clinux_status_of_path(path, &raw) == 0 else { return nil }
        self.init(raw)
    }

    /// Of what a path names, a link itself; nil with `errno` when there is nothing to be seen.
    package init?(entry path: String) {
        self.init(path, in: AT_FDCWD)
    }

    /// Of an entry of an open directory, a link itself; nil with `errno`.
    init?(_ name: UnsafePointer<CChar>, in directory: CInt) {
        var raw = clinux_status()
        guard clinux_status_of_entry(directory, name, &raw) == 0 else { return nil }
        self.init(raw)
    }

    /// Of an open file; nil with `errno`.
    package init?(descriptor: CInt) {
        var raw = clinux_status()
        guard clinux_status_of_file(descriptor, &raw) == 0 else { return nil }
        self.init(raw)
    }

    private init(_ raw: clinux_status) {
        kind =
            switch raw.mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
        sizeBytes = raw.bytes
        allocatedBytes = raw.blocks * 512
        linkCount = raw.links
        device = raw.device
        inode = raw.inode
        modifiedSeconds = raw.modified_seconds
        modifiedNanoseconds = raw.modified_nanoseconds
        permissions = raw.mode & 0o7777
        owner = raw.owner
        group = raw.group
    }
}
