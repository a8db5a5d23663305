/// What clients learn about a job, on the `updates` queue of its kind.
public struct ProgressUpdate: Sendable, Hashable {
    public enum Status: String, Sendable, Hashable {
        case processing
        case completed
        case failed
        case cancelled
    }

    public var key: JobKey
    public var mediaID: String
    public var status: Status
    /// 0 to 100.
    public var progress: Int
    public var currentStep: String
    public var outputs: [JobOutput]
    public var metadata: [String: JSONValue]?
    public var errorMessage: String?
    /// What is not as it should be and is no failure of the job.
    public var warnings: [Warning] = []
    /// ISO 8601.
    public var timestamp: String

    public struct Warning: Sendable, Hashable {
        /// A short word for programs.
        public var code: String
        /// A sentence for people.
        public var message: String

        public init(code: String, message: String) {
            self.code = code
            self.message = message
        }

        /// Temp files of the job are not deleted yet, at the most so many.
        public static func filesLeft(_ files: Int64, bytes: Int64) -> Warning {
            Warning(
                code: "temp_files_left",
                message: "up to \(files) temp files of together \(bytes) bytes are not deleted yet; "
                    + "they stay on the books, and are tried again until they are gone"
            )
        }
    }

    public init(
        ticket: Ticket,
        status: Status,
        progress: Int,
        currentStep: String,
        errorMessage: String? = nil,
        timestamp: String
    ) {
        key = ticket.key
        mediaID = ticket.mediaID
        self.status = status
        self.progress = min(max(progress, 0), 100)
        self.currentStep = currentStep
        outputs = status == .completed ? ticket.outputs : []
        metadata = ticket.metadata
        self.errorMessage = errorMessage
        self.timestamp = timestamp
    }

    /// No other update of this job follows.
    public var isTerminal: Bool { status != .processing }

    public var json: JSONValue {
        var object: [String: JSONValue] = [:]
        object.set("type", "\(key.kind.rawValue)_processing_update")
        object.set("job_id", key.id)
        object.set("media_id", mediaID)
        object.set("status", status.rawValue)
        object.set("progress", progress)
        object.set("current_step", currentStep)
        object.set("error_message", errorMessage)
        if !warnings.isEmpty {
            object["warnings"] = .array(
                warnings.map { .object(["code": .string($0.code), "message": .string($0.message)]) }
            )
        }
        object.set("timestamp", timestamp)
        object["metadata"] = metadata.map { .object($0) }
        if !outputs.isEmpty {
            let thumbnails = outputs.filter { $0.kind == .thumbnail }
            let versions = outputs.filter { $0.kind != .thumbnail }
            if !thumbnails.isEmpty { object["thumbnails"] = .array(thumbnails.map(Self.thumbnail)) }
            object[key.kind == .video ? "video_versions" : "image_versions"] = .array(versions.map(Self.version))
        }
        return .object(object)
    }

    private static func thumbnail(_ output: JobOutput) -> JSONValue {
        var entry = sized(output)
        entry.set("timestamp", output.timestampSeconds)
        return .object(entry)
    }

    private static func version(_ output: JobOutput) -> JSONValue {
        var entry = sized(output)
        entry.set("quality", output.quality)
        entry.set("file_size", output.sizeBytes)
        entry.set("fileSize", output.sizeBytes)
        return .object(entry)
    }

    /// Clients of the video queue read one spelling and those of the image queue the other; both are sent.
    private static func sized(_ output: JobOutput) -> [String: JSONValue] {
        var entry: [String: JSONValue] = [:]
        entry.set("s3_key", output.key)
        entry.set("s3Key", output.key)
        entry.set("width", output.width)
        entry.set("height", output.height)
        return entry
    }
}

/// The words for `current_step` that clients know, and those added since.
public enum UpdateStep {
    /// The disk has no room for the job's temp files now.
    public static let waitingForSpace = "waiting_for_space"

    public static func started(_ stage: Stage, _ kind: MediaKind) -> String {
        switch stage {
        case .download: "downloading_\(kind.rawValue)"
        case .process: "processing_\(kind.rawValue)"
        case .upload: "uploading_results"
        case .cleanup: "cleaning_up"
        }
    }

    public static func completed(_ stage: Stage) -> String {
        switch stage {
        case .download: "download_complete"
        case .process: "processing_complete"
        case .upload: "upload_complete"
        case .cleanup: "cleanup_complete"
        }
    }

    public static func failed(_ stage: Stage) -> String {
        switch stage {
        case .download: "download_failed"
        case .process: "processing_failed"
        case .upload: "upload_failed"
        case .cleanup: "cleanup_failed"
        }
    }
}
