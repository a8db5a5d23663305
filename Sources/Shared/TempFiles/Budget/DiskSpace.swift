internal import Files
public import JobModel
internal import Ledger

/// How full the workspace's file system is.
public struct DiskSpace: Sendable, Hashable {
    /// The bytes that can still be written.
    public var freeBytes: Int64
    public var totalBytes: Int64
    /// 0 to 100, of what can be used, as `df` counts.
    public var usedPercent: Double

    public init(freeBytes: Int64, totalBytes: Int64, usedPercent: Double) {
        self.freeBytes = freeBytes
        self.totalBytes = totalBytes
        self.usedPercent = usedPercent
    }
}

extension TempFileTracker {
    /// Bytes that can still be written to the workspace's file system.
    func availableBytes() throws(TempFileError) -> Int64 {
        try onFileSystem { () throws(FileSystemError) in try workspace.root.availableBytes() }
    }

    /// How full the workspace's file system is.
    public func space() throws(TempFileError) -> DiskSpace {
        let space = try onFileSystem { () throws(FileSystemError) in try workspace.root.space() }
        return DiskSpace(freeBytes: space.freeBytes, totalBytes: space.totalBytes, usedPercent: space.usedPercent)
    }
}
