internal import JobModel

/// The result of a clean-up.
public struct CleanupReport: Sendable, Hashable {
    public struct Failure: Sendable, Hashable {
        /// Absolute path of the entry that is still there.
        public var path: String
        public var errno: CInt

        public init(path: String, errno: CInt) {
            self.path = path
            self.errno = errno
        }
    }

    /// Directory entries removed (files, links, sockets); directories do not count.
    public var filesCleaned = 0
    /// Bytes on the device that became free: a file's bytes count when its last name was removed.
    public var bytesFreed: Int64 = 0
    public var failures: [Failure] = []
    /// Abandoned jobs that were given to their clean-up stage, which ends them.
    public var abandonedJobs = 0
    public var duration: Duration = .zero

    public init() {}

    /// Adds what another clean-up did; the durations add up.
    public mutating func add(_ other: CleanupReport) {
        filesCleaned += other.filesCleaned
        bytesFreed = bytesFreed.addingClamped(other.bytesFreed)
        failures += other.failures
        abandonedJobs += other.abandonedJobs
        duration += other.duration
    }
}
