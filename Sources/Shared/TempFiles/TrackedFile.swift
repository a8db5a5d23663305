public import JobModel

/// A temp file that is about to be made.
public struct NewFile: Sendable, Hashable {
    /// Relative to the job's directory; subdirectories are fine.
    public var name: String
    public var type: TempFileType
    public var description: String
    /// How large the file is going to be, where that is known: so much is reserved when it is added to a plan.
    public var expectedBytes: Int64?

    public init(name: String, type: TempFileType, description: String, expectedBytes: Int64? = nil) {
        self.name = name
        self.type = type
        self.description = description
        self.expectedBytes = expectedBytes
    }
}

/// A temp file that is in the ledger.
public struct TrackedFile: Sendable, Hashable {
    public let job: JobKey
    /// Relative to the job's directory.
    public let name: String
    /// For libraries that want a path.
    public let absolutePath: String
}

/// The state on disk of an expected file.
public enum FileCheck: Sendable, Hashable {
    case ok(sizeBytes: Int64)
    case missing
    case wrongSize(foundBytes: Int64)
    /// Not in the job's own directory, or not a regular file: nothing of ours.
    case foreign
    /// The system would not say: a fault of the disk or of the process, not of the file.
    case unknown(cause: String)
}
