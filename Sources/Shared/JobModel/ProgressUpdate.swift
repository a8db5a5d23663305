/// News of a job for clients, on the `updates` queue of its kind.
package struct ProgressUpdate: Sendable, Hashable {
    package enum Status: String, Sendable, Hashable {
        case processing
        case completed
        case failed
        case cancelled
    }

    package var key: JobKey
    /// nil for a refused message that names none.
    package var mediaID: ByteText?
    /// As the job's producer gave it; nil also when it has more than ``maximumUserIDBytes``.
    package var userID: String?
    package var status: Status
    /// 0 to 100.
    package var progress: Int
    package var currentStep: String
    /// The stage that the news is from; for a failed job the one that gave up.
    package var stage: Stage
    package var outputs: [JobOutput]
    /// The key of the object that lists the outputs (``ResultIndex``); nil where none is written.
    package var resultKey: ByteText?
    package var metadata: JSONFields?
    /// Why a job failed: a short word for programs, such as `invalid_media`.
    package var errorCode: String?
    /// The same for people, with the source that it was about.
    package var errorMessage: String?
    /// Problems that are no failure of the job.
    package var warnings: [Warning] = []
    /// ISO 8601.
    package var timestamp: String
    /// Whether the update is about a message that was not taken. It is then no end of a job: there may be a job with
    /// its id.
    package private(set) var isRefusal = false

    package struct Warning: Sendable, Hashable {
        /// A short word for programs.
        package var code: String
        /// A sentence for people.
        package var message: String

        package init(code: String, message: String) {
            self.code = code
            self.message = message
        }

        var json: JSONFields { ["code": .string(code), "message": .string(message)] }

        /// Temp files of the job are not deleted yet, at most this many.
        package static func filesLeft(_ files: Int64, bytes: Int64) -> Warning {
            Warning(
                code: "temp_files_left",
                message: "up to \(files) temp files of together \(bytes) bytes are not deleted yet; "
                    + "they stay on the books, and are tried again until they are gone"
            )
        }

        /// Objects of a job that did not complete are still in the store, at most this many.
        package static func objectsLeft(_ objects: Int64) -> Warning {
            Warning(
                code: "objects_left",
                message: "up to \(objects) objects that the job has put into the store are not removed yet; they stay "
                    + "on the books, and are tried again for as long as the job is remembered"
            )
        }
    }

    /// - Parameter stage: that the news is from. A failed job's is in ``Ticket/failure``, if that is known.
    package init(
        ticket: Ticket,
        status: Status,
        progress: Int,
        currentStep: String,
        stage: Stage,
        timestamp: String
    ) {
        key = ticket.key
        mediaID = ticket.mediaID
        userID = ticket.userID.flatMap { $0.utf8.count <= Self.maximumUserIDBytes ? $0 : nil }
        self.status = status
        self.progress = min(max(progress, 0), 100)
        self.currentStep = currentStep
        outputs = status == .completed ? ticket.outputs : []
        resultKey = status == .completed ? ticket.resultKey : nil
        metadata = ticket.metadata.map(Self.carried)
        warnings = ticket.warnings
        self.timestamp = timestamp
        self.stage = stage
        guard status == .failed else { return }
        self.stage = ticket.failure?.stage ?? stage
        errorCode = ticket.failure?.code ?? JobFailure.unknownCode
        let source = ticket.sourceWords.map { " (source: \($0))" } ?? ""
        let cause = ticket.failure?.message ?? "the cause is not known"
        errorMessage = "job \(ticket.id) failed in \(self.stage.rawValue): \(cause)\(source)"
    }

    /// The update that tells clients that a message was not taken.
    ///
    /// - Parameters:
    ///   - id: the id of the job that the message would have been.
    ///   - kind: the kind of the queue that the message came in.
    ///   - stage: the stage whose queue that was.
    package init(refusing error: MessageError, id: ByteText, kind: MediaKind, in stage: Stage, timestamp: String) {
        key = JobKey(kind: kind, id: id)
        mediaID = error.mediaID
        userID = error.userID.flatMap { $0.utf8.count <= Self.maximumUserIDBytes ? $0 : nil }
        status = .failed
        progress = 0
        currentStep = UpdateStep.failed(stage)
        self.stage = stage
        outputs = []
        errorCode = error.code.rawValue
        errorMessage = "a message of job \(id) was refused: \(error.message)"
        self.timestamp = timestamp
        isRefusal = true
    }

    /// Length of the `userId` that an update carries, in bytes.
    package static let maximumUserIDBytes = 1024

    /// No other update of this job follows.
    package var isTerminal: Bool { status != .processing && !isRefusal }

    /// Length of the metadata that an update carries, in bytes. A producer may put more into a job, but updates do not
    /// carry it back each time.
    package static let maximumMetadataBytes = 16 << 10

    /// The fields that stages find out about a source.
    private static let knownMetadata: Set<ByteText> = [
        "duration", "codec", "bitrate", "framerate", "resolution", "width", "height", "fileSize", "mimeType", "format",
        "colorSpace", "hasAlpha", "profile", "pixelFormat", "transfer",
    ]

    /// All of the metadata, or, if that is too long, the known fields that are short.
    static func carried(_ metadata: JSONFields) -> JSONFields {
        if metadata.fields.reduce(0, { $0 + $1.name.count + $1.value.count + 4 }) <= maximumMetadataBytes {
            return metadata
        }
        return metadata.filter { knownMetadata.contains($0.name) && $0.value.count <= 256 }
    }

    package var json: JSONFields {
        var object = JSONFields()
        object.set("type", "\(key.kind.rawValue)_processing_update" as String)
        object.set("job_id", key.id)
        object.set("media_id", mediaID)
        object.set("userId", userID)
        object.set("status", status.rawValue)
        object.set("progress", progress)
        object.set("current_step", currentStep)
        object.set("stage", stage.rawValue)
        object.set("error_code", errorCode)
        object.set("error_message", errorMessage)
        if isRefusal { object.set("refused", true) }
        if !warnings.isEmpty { object.set("warnings", warnings.map(\.json)) }
        object.set("timestamp", timestamp)
        object.set("metadata", metadata)
        if !outputs.isEmpty {
            let thumbnails = outputs.filter { $0.kind == .thumbnail }
            let versions = outputs.filter { $0.kind != .thumbnail }
            if !thumbnails.isEmpty { object.set("thumbnails", thumbnails.map(Self.thumbnail)) }
            object.set(key.kind == .video ? "video_versions" : "image_versions", versions.map(Self.version))
        }
        object.set("result_key", resultKey)
        return object
    }

    private static func thumbnail(_ output: JobOutput) -> JSONFields {
        var entry = sized(output)
        entry.set("timestamp", output.timestampSeconds)
        return entry
    }

    private static func version(_ output: JobOutput) -> JSONFields {
        var entry = sized(output)
        entry.set("quality", output.quality)
        entry.set("file_size", output.sizeBytes)
        entry.set("fileSize", output.sizeBytes)
        entry.set("profile", output.profile)
        entry.set("pixelFormat", output.pixelFormat)
        entry.set("transfer", output.transfer)
        return entry
    }

    /// Clients of the video queue read one spelling and those of the image queue the other; both are sent.
    private static func sized(_ output: JobOutput) -> JSONFields {
        var entry = JSONFields()
        entry.set("s3_key", output.key)
        entry.set("s3Key", output.key)
        entry.set("width", output.width)
        entry.set("height", output.height)
        return entry
    }
}

/// The words for `current_step` that clients know, and those added since.
package enum UpdateStep {
    /// The disk has no room for the job's temp files now.
    package static let waitingForSpace = JobWait.space.rawValue

    package static func started(_ stage: Stage, _ kind: MediaKind) -> String {
        switch stage {
        case .download: "downloading_\(kind.rawValue)"
        case .process: "processing_\(kind.rawValue)"
        case .upload: "uploading_results"
        case .cleanup: "cleaning_up"
        }
    }

    package static func completed(_ stage: Stage) -> String {
        switch stage {
        case .download: "download_complete"
        case .process: "processing_complete"
        case .upload: "upload_complete"
        case .cleanup: "cleanup_complete"
        }
    }

    package static func failed(_ stage: Stage) -> String {
        switch stage {
        case .download: "download_failed"
        case .process: "processing_failed"
        case .upload: "upload_failed"
        case .cleanup: "cleanup_failed"
        }
    }
}
