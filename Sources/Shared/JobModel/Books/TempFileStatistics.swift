/// The temp files of one kind.
public struct TempFileStatistics: Sendable, Hashable {
    /// Jobs that have temp files in the ledger.
    public var totalJobs: Int
    public var totalFiles: Int
    /// The bytes of the files, compressed ones as they are.
    public var totalSizeBytes: Int64
    public var compressedFiles = 0
    /// By how much compressed files are smaller than their content.
    public var savedBytes: Int64 = 0

    /// The bytes of the files if none were compressed.
    public var uncompressedSizeBytes: Int64 { totalSizeBytes.addingClamped(savedBytes) }

    public init(totalJobs: Int = 0, totalFiles: Int = 0, totalSizeBytes: Int64 = 0) {
        self.totalJobs = totalJobs
        self.totalFiles = totalFiles
        self.totalSizeBytes = totalSizeBytes
    }
}
