extension Ticket {
    /// Reads a job message, or a legacy request, that arrived on a queue of `kind`.
    ///
    /// - Throws: ``MessageError`` that says which field is wrong and how.
    public init(parsing bytes: some Sequence<UInt8>, expecting kind: MediaKind) throws(MessageError) {
        let value = try JSONValue(parsing: bytes)
        guard case .object(let object) = value else {
            throw MessageError(code: .notAnObject, message: "the message must be a JSON object, not \(value.typeName)")
        }
        let isLegacy = object["type"]?.stringValue?.hasSuffix("_processing_request") == true
        if isLegacy || (object["job_id"] != nil && object["id"] == nil) {
            try self.init(legacyRequest: object)
        } else {
            try self.init(object)
        }
        guard self.kind == kind else {
            throw MessageError(
                code: .unknownKind,
                message: "a \(self.kind.rawValue) job was sent to a queue for \(kind.rawValue) jobs; "
                    + "send it to \(self.kind.rawValue).processing.download",
                jobID: id
            )
        }
    }

    /// - Throws: ``MessageError`` that says which field is wrong and how.
    public init(_ object: [String: JSONValue]) throws(MessageError) {
        var fields = FieldReader(object)
        id = try Self.readID("id", &fields)
        kind = try Self.readKind(&fields)
        mediaID = try fields.required("mediaId")
        userID = try fields.string("userId")
        sourceKey = try fields.string("s3Key")
        source = try fields.string("source")
        destination = try fields.string("destination")
        originalFilename = try fields.string("originalFilename")
        mimeType = try fields.string("mimeType")
        fileSizeBytes = try fields.integer("fileSize")
        createdAt = try fields.string("createdAt")
        phase = try fields.choice("stage", JobPhase.self)
        previousPhase = try fields.choice("previousStage", JobPhase.self)
        localMediaPath = try fields.string("localMediaPath")
        metadata = try fields.object("metadata")
        for (index, element) in (try fields.array("outputs") ?? []).enumerated() {
            let output = try Self.object(element, "outputs[\(index)]", jobID: id)
            outputs.append(try JobOutput(output, prefix: "outputs[\(index)].", jobID: id))
        }
        if let manifest = try fields.array("tempFiles") {
            var entries: [TempFileEntry] = []
            for (index, element) in manifest.enumerated() {
                let entry = try Self.object(element, "tempFiles[\(index)]", jobID: id)
                entries.append(try TempFileEntry(entry, prefix: "tempFiles[\(index)].", jobID: id))
            }
            tempFiles = entries
        }
        priority = try fields.integer("priority").map { min(max($0, 0), 9) }
        attempt = try Self.readCount("attempt", &fields)
        hop = try Self.readCount("hop", &fields)
        transfer = try fields.string("transfer")
        downloads = try Self.readCount("downloads", &fields)
        redrives = try Self.readCount("redrives", &fields)
        for (index, element) in (try fields.array("history") ?? []).suffix(Self.maximumHistory).enumerated() {
            let entry = try Self.object(element, "history[\(index)]", jobID: id)
            note(try JobFailure(entry, prefix: "history[\(index)].", jobID: id))
        }
        node = try fields.string("node")
        if let error = try fields.object("error") { failure = try JobFailure(error, prefix: "error.", jobID: id) }
        outcome = try fields.choice("outcome", JobOutcome.self)
        wantsThumbnails = try fields.bool("requestThumbnails") ?? true
        wantsProgressUpdates = try fields.bool("requestProgressUpdates") ?? true
        progressIntervalSeconds = try fields.double("progressInterval")
        unknown = fields.rest
    }

    /// Reads `video_processing_request` and `image_processing_request`, the older service's entry messages.
    public init(legacyRequest object: [String: JSONValue]) throws(MessageError) {
        var fields = FieldReader(object)
        id = try Self.readID("job_id", &fields)
        let type = try fields.required("type")
        guard let kind = MediaKind.allCases.first(where: { type == "\($0.rawValue)_processing_request" }) else {
            throw fields.error(
                .unknownKind,
                "the request's `type` is `\(type.prefix(64))`; known are video_processing_request, image_processing_request"
            )
        }
        self.kind = kind
        mediaID = try fields.required("media_id")
        userID = try fields.string("user_id")
        sourceKey = try fields.string("s3_key")
        originalFilename = try fields.string("original_filename")
        wantsThumbnails = try fields.bool("request_thumbnails") ?? true
        wantsProgressUpdates = try fields.bool("request_progress_updates") ?? true
        progressIntervalSeconds = try fields.double("progress_interval")
        // Written by some producers as a number of milliseconds, so any type is carried.
        let remaining = fields.rest
        createdAt = remaining["timestamp"]?.stringValue
        unknown = remaining
        if createdAt != nil { unknown["timestamp"] = nil }
    }

    /// The message as JSON.
    public var json: JSONValue {
        var object = unknown
        object.set("id", id)
        object.set("mediaId", mediaID)
        object.set("userId", userID)
        object.set("mediaType", kind.mediaType)
        object.set("s3Key", sourceKey)
        object.set("source", source)
        object.set("destination", destination)
        object.set("originalFilename", originalFilename)
        object.set("mimeType", mimeType)
        object.set("fileSize", fileSizeBytes)
        object.set("createdAt", createdAt)
        object.set("stage", phase?.rawValue)
        object.set("previousStage", previousPhase?.rawValue)
        object.set("localMediaPath", localMediaPath)
        object["metadata"] = metadata.map { .object($0) }
        if !outputs.isEmpty { object["outputs"] = .array(outputs.map { .object($0.json) }) }
        object["tempFiles"] = tempFiles.map { .array($0.map { .object($0.json) }) }
        object.set("priority", priority)
        object.set("attempt", attempt)
        object.set("hop", hop)
        object.set("transfer", transfer)
        if downloads > 0 { object.set("downloads", downloads) }
        if redrives > 0 { object.set("redrives", redrives) }
        if !history.isEmpty { object["history"] = .array(history.map { .object($0.json) }) }
        object.set("node", node)
        object["error"] = failure.map { .object($0.json) }
        object.set("outcome", outcome?.rawValue)
        if !wantsThumbnails { object.set("requestThumbnails", false) }
        if !wantsProgressUpdates { object.set("requestProgressUpdates", false) }
        object.set("progressInterval", progressIntervalSeconds)
        return .object(object)
    }

    private static func readID(_ name: String, _ fields: inout FieldReader) throws(MessageError) -> String {
        let id = try fields.required(name)
        guard JobKey.isValid(id: id) else {
            throw fields.error(
                .invalidValue,
                "the field `\(name)` has \(id.unicodeScalars.count) characters; at most \(JobKey.maximumIDLength) are allowed"
            )
        }
        fields.jobID = id
        return id
    }

    /// A counter of ours. No job gets near the bound, so a number beyond it is no count; cutting it down instead would make
    /// a later message look older than an earlier one.
    private static func readCount(_ name: String, _ fields: inout FieldReader) throws(MessageError) -> Int64 {
        let count = try fields.integer(name) ?? 0
        guard (0...1_000_000).contains(count) else {
            throw fields.error(.invalidValue, "the field `\(name)` is \(count); it must be 0 to 1000000")
        }
        return count
    }

    private static func readKind(_ fields: inout FieldReader) throws(MessageError) -> MediaKind {
        let mediaType = try fields.required("mediaType")
        guard let kind = MediaKind(mediaType: mediaType) else {
            throw fields.error(
                .unknownKind,
                "the field `mediaType` is `\(mediaType.prefix(64))`; known are VIDEO, IMAGE"
            )
        }
        return kind
    }

    private static func object(
        _ value: JSONValue,
        _ name: String,
        jobID: String
    ) throws(MessageError) -> [String: JSONValue] {
        guard let object = value.objectValue else {
            throw MessageError(
                code: .wrongType,
                message: "`\(name)` must be an object, not \(value.typeName)",
                jobID: jobID
            )
        }
        return object
    }
}
