public import Settings
public import TempFiles

extension Settings {
    /// What all temp files of this host may take.
    public var diskBudget: DiskBudget {
        DiskBudget(limitBytes: temporaryMaximumBytes, minimumFreeBytes: temporaryMinimumFreeBytes)
    }

    /// What a job with a source of this size reserves for all its temp files.
    public func reservationBytes(sourceBytes: Int64) -> Int64 {
        let bytes = Double(max(sourceBytes, 0)) * temporaryExpansionFactor
        return bytes < 0x1p62 ? Int64(bytes) : 1 << 62
    }
}
