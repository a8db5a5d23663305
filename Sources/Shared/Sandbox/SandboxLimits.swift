/// The resources that a process in a sandbox may use at most.
package struct SandboxLimits: Sendable, Codable, Equatable {
    /// Of private writable memory; 0 for no limit.
    package var memoryBytes: UInt64
    /// Of the whole process; 0 for no limit.
    package var cpuSeconds: UInt64
    /// Of one file; 0 for no limit.
    package var fileBytes: UInt64
    package var descriptors: UInt64
    /// Added to the worker's own, 0 to 19.
    package var niceness: Int32

    package init(
        memoryBytes: UInt64 = 0,
        cpuSeconds: UInt64 = 0,
        fileBytes: UInt64 = 0,
        descriptors: UInt64 = 128,
        niceness: Int32 = 5
    ) {
        self.memoryBytes = memoryBytes
        self.cpuSeconds = cpuSeconds
        self.fileBytes = fileBytes
        self.descriptors = descriptors
        self.niceness = niceness
    }
}
