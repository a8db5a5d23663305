/// How full a file system is.
public struct FileSystemSpace: Sendable, Hashable {
    /// What we can still write; less than what is free where some is kept for root.
    public var freeBytes: Int64
    public var totalBytes: Int64
    /// 0 to 100, of what can be used, as `df` counts.
    public var usedPercent: Double

    public init(freeBytes: Int64, totalBytes: Int64, usedPercent: Double) {
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
