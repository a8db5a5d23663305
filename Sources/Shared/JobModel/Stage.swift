/// A step of every job, and the process that does it.
public enum Stage: String, Sendable, Hashable, CaseIterable, Codable {
    case download
    case process
    case upload
    case cleanup

    /// The stage's part of a queue name.
    public var queueSegment: String { self == .process ? "processing" : rawValue }

    /// The `stage` of a ticket while this stage works on it.
    public var working: JobPhase {
        switch self {
        case .download: .downloading
        case .process: .processing
        case .upload: .uploading
        case .cleanup: .cleanup
        }
    }

    /// The `stage` of a ticket that this stage hands on.
    public var done: JobPhase {
        switch self {
        case .download: .downloaded
        case .process: .processed
        case .upload: .uploaded
        case .cleanup: .completed
        }
    }

    public var next: Stage? {
        switch self {
        case .download: .process
        case .process: .upload
        case .upload: .cleanup
        case .cleanup: nil
        }
    }
}

/// Where a job is: the `stage` and `previousStage` of a job message.
public enum JobPhase: String, Sendable, Hashable, CaseIterable, Codable {
    case downloading = "DOWNLOADING"
    case downloaded = "DOWNLOADED"
    case processing = "PROCESSING"
    case processed = "PROCESSED"
    case uploading = "UPLOADING"
    case uploaded = "UPLOADED"
    case cleanup = "CLEANUP"
    case completed = "COMPLETED"
    case failed = "FAILED"
}

/// How a job ended.
public enum JobOutcome: String, Sendable, Hashable, CaseIterable, Codable {
    case completed
    case failed
    case cancelled
}
