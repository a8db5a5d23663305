package import JobModel

/// A temp file that is about to be made.
package struct NewFile: Sendable, Hashable {
    /// Relative to the job's directory; subdirectories are fine.
    package var name: String
    package var type: TempFileType
    package var description: String
    /// How large the file is going to be, where that is known: so much is reserved when it is added to a plan.
    package var expectedBytes: Int64?

    package init(name: String, type: TempFileType, description: String, expectedBytes: Int64? = nil) {
        self.name = name
        self.type = type
        self.description = description
        self.expectedBytes = expectedBytes
    }
}

/// A temp file that is in the ledger.
package struct TrackedFile: Sendable, Hashable {
    package let job: JobKey
    /// Relative to the job's directory.
    package let name: String
    /// For libraries that want a path.
    package let absolutePath: String
}

/// The state on disk of an expected file.
package enum FileCheck: Sendable, Hashable {
    case ok(sizeBytes: Int64)
    case missing
    case wrongSize(foundBytes: Int64)
    /// Not in the job's own directory, or not a regular file: nothing of ours.
    case foreign
    /// The system would not say: a fault of the disk or of the process, not of the file.
    case unknown(cause: String)
}
