/// The space of a file system.
package struct FileSystemSpace: Sendable, Hashable {
    /// The bytes that we can still write; less than the free bytes where some are kept for root.
    package var freeBytes: Int64
    package var totalBytes: Int64
    /// The use in per cent, 0 to 100, of the usable bytes, as `df` counts.
    package var usedPercent: Double

    package init(freeBytes: Int64, totalBytes: Int64, usedPercent: Double) {
        self.freeBytes = freeBytes
        self.totalBytes = totalBytes
        self.usedPercent = usedPercent
    }

    init(blockBytes: Int64, blocks: Int64, freeBlocks: Int64, blocksForUs: Int64) {
        func bytes(_ count: Int64) -> Int64 {
            let (bytes, overflow) = count.multipliedReportingOverflow(by: blockBytes)
            return overflow ? .max : bytes
        }
        let used = Double(blocks) - Double(freeBlocks)
        let usable = used + Double(blocksForUs)
        freeBytes = bytes(blocksForUs)
        totalBytes = bytes(blocks)
        usedPercent = usable > 0 ? min(max(used / usable * 100, 0), 100) : 0
    }
}
