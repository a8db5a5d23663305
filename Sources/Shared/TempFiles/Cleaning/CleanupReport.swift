internal import JobModel

/// The result of a clean-up.
package struct CleanupReport: Sendable, Hashable {
    package struct Failure: Sendable, Hashable {
        /// Absolute path of what is still there.
        package var path: String
        package var errno: CInt

        package init(path: String, errno: CInt) {
            self.path = path
            self.errno = errno
        }
    }

    /// Names removed, whatever they named (files, links, sockets); directories do not count.
    package var filesCleaned = 0
    /// Bytes on the device that removing gave back: those of files whose last name it was.
    package var bytesFreed: Int64 = 0
    package var failures: [Failure] = []
    /// Jobs nobody works on any more that were given to their clean-up stage, which ends them.
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
