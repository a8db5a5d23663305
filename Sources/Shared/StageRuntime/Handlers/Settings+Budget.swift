package import Settings
package import TempFiles

extension Settings {
    /// The budget of all temp files of this host.
    package var diskBudget: DiskBudget {
        DiskBudget(
            limitBytes: temporaryFiles.temporaryMaximumBytes,
            minimumFreeBytes: temporaryFiles.temporaryMinimumFreeBytes
        )
    }

    /// The reservation of a job with a source of this size, for all its temp files.
    package func reservationBytes(sourceBytes: Int64) -> Int64 {
        let bytes = Double(max(sourceBytes, 0)) * temporaryFiles.temporaryExpansionFactor
        return bytes < 0x1p62 ? Int64(bytes) : 1 << 62
    }
}
