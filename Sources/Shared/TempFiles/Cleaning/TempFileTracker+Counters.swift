package import JobModel
internal import Synchronization

extension TempFileTracker {
    /// The counts of files that were removed through this tracker.
    package var cleaningCounters: CleaningCounters { counters.withLock { $0 } }

    func count(_ report: CleanupReport) {
        counters.withLock { counters in
            counters.files = counters.files.addingClamped(Int64(report.filesCleaned))
            counters.bytes = counters.bytes.addingClamped(report.bytesFreed)
            counters.failures = counters.failures.addingClamped(Int64(report.failures.count))
            counters.seconds += max(report.duration / .seconds(1), 0)
        }
    }

    func count(orphans: some Sequence<OrphanReason>) {
        counters.withLock { counters in
            for reason in orphans { counters.orphans[reason.rawValue, default: 0] += 1 }
        }
    }
}
