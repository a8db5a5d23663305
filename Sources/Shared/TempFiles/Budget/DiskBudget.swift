internal import Files
internal import JobModel
internal import Ledger

/// How much disk the temp files of a host may take, all jobs together.
package struct DiskBudget: Sendable, Hashable {
    /// The limit of all temp files; nil: no limit but the disk's own.
    package var maximumBytes: Int64?
    /// The bytes that must stay free on the workspace's file system; 0: all of it may be used.
    package var minimumFreeBytes: Int64

    package static let unlimited = DiskBudget(maximumBytes: nil, minimumFreeBytes: 0)

    package init(maximumBytes: Int64?, minimumFreeBytes: Int64) {
        self.maximumBytes = maximumBytes
        self.minimumFreeBytes = max(minimumFreeBytes, 0)
    }

    /// As operators set it.
    ///
    /// - Parameter limitBytes: 0: no limit but the disk's own.
    package init(limitBytes: Int64, minimumFreeBytes: Int64) {
        self.init(maximumBytes: limitBytes > 0 ? limitBytes : nil, minimumFreeBytes: minimumFreeBytes)
    }

    var isUnlimited: Bool { maximumBytes == nil && minimumFreeBytes == 0 }

    /// The numbers that the budget is judged by. All but `wantedBytes` are sums over the jobs of this host.
    struct Demand: Sendable {
        /// All that the job wants to have reserved, what it has already included.
        var wantedBytes: Int64
        var heldByJob: Int64
        var heldByOthers: Int64
        /// The bytes that are written by the ledger.
        var writtenBytes: Int64
        var space: FileSystemSpace
    }

    /// Pure: nobody is asked, nothing is touched.
    func judge(_ demand: Demand) -> SpaceAnswer {
        let wanted = demand.wantedBytes
        if wanted <= demand.heldByJob { return .reserved }
        if let maximumBytes {
            if wanted > maximumBytes {
                return .neverFits("it needs \(wanted) bytes of temp files, and TEMP_MAX_BYTES is \(maximumBytes)")
            }
            if demand.heldByOthers > maximumBytes - wanted {
                return .noRoom(
                    "it needs \(wanted) bytes of temp files, other jobs hold \(demand.heldByOthers), "
                        + "and TEMP_MAX_BYTES is \(maximumBytes)"
                )
            }
        }
        if minimumFreeBytes > 0 {
            if wanted > demand.space.totalBytes - min(minimumFreeBytes, demand.space.totalBytes) {
                return .neverFits(
                    "it needs \(wanted) bytes of temp files, the file system of TEMP_DIR has "
                        + "\(demand.space.totalBytes), and \(minimumFreeBytes) must stay free (TEMP_MIN_FREE_BYTES)"
                )
            }
            // Reserved bytes that are not yet written are as good as gone.
            let promised = max(demand.heldByJob.addingClamped(demand.heldByOthers) - demand.writtenBytes, 0)
            let growth = wanted - demand.heldByJob
            if demand.space.freeBytes.addingClamped(-promised).addingClamped(-growth) < minimumFreeBytes {
                return .noRoom(
                    "it needs \(growth) more bytes of temp files, \(demand.space.freeBytes) are free, "
                        + "\(promised) of them promised to jobs, and \(minimumFreeBytes) must stay free "
                        + "(TEMP_MIN_FREE_BYTES)"
                )
            }
        }
        return .reserved
    }
}

/// The answer to a reservation.
package enum SpaceAnswer: Sendable, Hashable {
    case reserved
    /// Not now: other jobs hold what there is. The text says how much is missing of what.
    case noRoom(String)
    /// Not even if this were the only job.
    case neverFits(String)
}

/// Files take whole blocks.
func blockRounded(_ sizeBytes: Int64) -> Int64 {
    let size = min(max(sizeBytes, 0), FileRow.maximumSizeBytes)
    return (size + 4095) / 4096 * 4096
}
