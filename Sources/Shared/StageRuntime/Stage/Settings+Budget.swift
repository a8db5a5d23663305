package import Settings
package import TempFiles

extension Settings {
    /// What all temp files of this host may take.
    package var diskBudget: DiskBudget {
        DiskBudget(limitBytes: temporaryMaximumBytes, minimumFreeBytes: temporaryMinimumFreeBytes)
    }

    /// What a job with a source of this size reserves for all its temp files.
    package func reservationBytes(sourceBytes: Int64) -> Int64 {
        let bytes = Double(max(sourceBytes, 0)) * temporaryExpansionFactor
        return bytes < 0x1p62 ? Int64(bytes) : 1 << 62
    }
}
