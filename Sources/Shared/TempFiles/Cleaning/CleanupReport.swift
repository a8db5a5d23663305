internal import JobModel

/// The result of a clean-up.
public struct CleanupReport: Sendable, Hashable {
    public struct Failure: Sendable, Hashable {
        /// Absolute path of what is still there.
        public var path: String
        public var errno: CInt

        public init(path: String, errno: CInt) {
            self.path = path
            self.errno = errno
        }
    }

    /// Names removed, whatever they named (files, links, sockets); directories do not count.
    public var filesCleaned = 0
    /// Bytes on the device that removing gave back: those of files whose last name it was.
    public var bytesFreed: Int64 = 0
    public var failures: [Failure] = []
    /// Jobs nobody works on any more that were given to their clean-up stage, which ends them.
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
