internal import JobModel

/// The result of a clean-up.
package struct CleanupReport: Sendable, Hashable {
    package struct Failure: Sendable, Hashable {
        /// Absolute path of the entry that is still there.
        package var path: String
        package var errno: CInt

        package init(path: String, errno: CInt) {
            self.path = path
            self.errno = errno
        }
    }

    /// Directory entries removed (files, links, sockets); directories do not count.
    package var filesCleaned = 0
    /// Bytes on the device that became free: a file's bytes count when its last name was removed.
    package var bytesFreed: Int64 = 0
    package var failures: [Failure] = []
    /// Abandoned jobs that were given to their clean-up stage, which ends them.
    package var abandonedJobs = 0
    package var duration: Duration = .zero

    package init() {}

    /// Adds what another clean-up did; the durations add up.
    package mutating func add(_ other: CleanupReport) {
        filesCleaned += other.filesCleaned
        bytesFreed = bytesFreed.addingClamped(other.bytesFreed)
        failures += other.failures
        abandonedJobs += other.abandonedJobs
        duration += other.duration
    }
}
