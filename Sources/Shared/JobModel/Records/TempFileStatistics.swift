/// The temp files of one kind.
package struct TempFileStatistics: Sendable, Hashable {
    /// Jobs that have temp files in the ledger.
    package var totalJobs: Int
    package var totalFiles: Int
    /// The bytes of the files, compressed ones as they are.
    package var totalSizeBytes: Int64
    package var compressedFiles = 0
    /// By how much compressed files are smaller than their content.
    package var savedBytes: Int64 = 0
    /// Files that are in the spill store and take no space here, and the bytes of their objects.
    package var spilledFiles = 0
    package var spilledBytes: Int64 = 0

    /// The bytes of the files if none were compressed.
    package var uncompressedSizeBytes: Int64 { totalSizeBytes.addingClamped(savedBytes) }

    package init(totalJobs: Int = 0, totalFiles: Int = 0, totalSizeBytes: Int64 = 0) {
        self.totalJobs = totalJobs
        self.totalFiles = totalFiles
        self.totalSizeBytes = totalSizeBytes
    }
}
