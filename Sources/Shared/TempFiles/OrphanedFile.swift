public import JobModel

/// Why a file in the workspace is nobody's.
public enum OrphanReason: String, Sendable, Hashable, CaseIterable {
    /// In the directory of a job, or beside the jobs, not on the books, and older than the grace time.
    case unknownFile
    /// The job is finished.
    case finishedJob
    /// In a directory of no job that is on the books, all of it older than the grace time.
    case unknownJobDirectory
    /// On the books, not on disk, and nobody works on the job.
    case missingFile
}

/// A file, or a row of the books, that a sweep would remove.
public struct OrphanedFile: Sendable, Hashable {
    /// Absolute.
    public var path: String
    /// 0 for a missing file.
    public var sizeBytes: Int64
    /// Since the last change by the wall clock; zero when that lies in the future.
    public var age: Duration
    public var kind: MediaKind
    /// The job, when it is known.
    public var job: JobKey?
    public var reason: OrphanReason
}
