internal import JobModel

/// What a clean-up did.
public struct CleanupReport: Sendable, Hashable {
    public struct Failure: Sendable, Hashable {
        /// Absolute path of what is still there.
        public var path: String
        public var errno: CInt

        public init(path: String, errno: CInt) {
            self.path = path
            self.errno = errno
        }
    }

    /// Names removed, whatever they named (files, links, sockets); directories do not count.
    public var filesCleaned = 0
    /// Bytes on the device that removing gave back: those of files whose last name it was.
    public var bytesFreed: Int64 = 0
    public var failures: [Failure] = []
    /// Jobs nobody works on any more that were given to their clean-up stage, which ends them.
    public var abandonedJobs = 0
    public var duration: Duration = .zero

    public init() {}

    /// Adds what another clean-up did; the durations add up.
    public mutating func add(_ other: CleanupReport) {
        filesCleaned += other.filesCleaned
        bytesFreed = bytesFreed.addingClamped(other.bytesFreed)
        failures += other.failures
        abandonedJobs += other.abandonedJobs
        duration += other.duration
    }
}

/// The temp files of one kind.
public struct TempFileStatistics: Sendable, Hashable {
    /// Jobs that have temp files on the books.
    public var totalJobs: Int
    public var totalFiles: Int
    /// What the files take, compressed ones as they are.
    public var totalSizeBytes: Int64
    public var compressedFiles = 0
    /// By how much compressed files are smaller than their content.
    public var savedBytes: Int64 = 0

    /// What the files would take if none were compressed.
    public var uncompressedSizeBytes: Int64 { totalSizeBytes.addingClamped(savedBytes) }

    public init(totalJobs: Int = 0, totalFiles: Int = 0, totalSizeBytes: Int64 = 0) {
        self.totalJobs = totalJobs
        self.totalFiles = totalFiles
        self.totalSizeBytes = totalSizeBytes
    }
}

/// How full the workspace's file system is.
public struct DiskSpace: Sendable, Hashable {
    /// What can still be written.
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
