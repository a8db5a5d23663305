extension Ticket {
    /// Reads a job message, or a legacy request, that arrived on a queue of `kind`.
    ///
    /// - Throws: ``MessageError`` that says which field is wrong and how.
    package init(parsing bytes: some Sequence<UInt8>, expecting kind: MediaKind) throws(MessageError) {
        let object = try JSONFields(parsing: bytes)
        do {
            if Self.isLegacyRequest(object) {
                try self.init(legacyRequest: object)
            } else {
                try self.init(object)
            }
        } catch {
            throw error.about(object)
        }
        guard self.kind == kind else {
            throw MessageError(
                code: .unknownKind,
                message:
                    "\(self.kind == .image ? "an" : "a") \(self.kind.rawValue) job was sent to a queue for "
                    + "\(kind.rawValue) jobs; send it to \(self.kind.rawValue).processing.download",
                of: self
            )
        }
    }

    /// - Throws: ``MessageError`` that says which field is wrong and how.
    package init(_ object: JSONFields) throws(MessageError) {
        var fields = FieldReader(object)
        id = try Self.readID("id", &fields)
        kind = try Self.readKind(&fields)
        mediaID = try fields.required("mediaId", atMost: Self.maximumMediaIDBytes)
        userID = try fields.string("userId")
        sourceKey = try fields.string("s3Key")
        source = try fields.string("source")
        destination = try fields.string("destination").map(Self.keptDestination)
        uploadURLs = try Self.readUploadURLs(&fields)
        originalFilename = try fields.string("originalFilename")
        mimeType = try fields.string("mimeType")
        fileSizeBytes = try fields.integer("fileSize")
        createdAt = try fields.string("createdAt")
        phase = try fields.choice("stage", JobPhase.self)
        previousPhase = try fields.choice("previousStage", JobPhase.self)
        localMediaPath = try fields.text("localMediaPath")
        metadata = try fields.object("metadata")
        for (index, output) in (try fields.objects("outputs", atMost: Self.maximumFiles) ?? []).enumerated() {
            outputs.append(try JobOutput(output, prefix: "outputs[\(index)].", jobID: id))
        }
        if let manifest = try fields.objects("tempFiles", atMost: Self.maximumFiles) {
            var entries: [TempFileEntry] = []
            entries.reserveCapacity(manifest.count)
            for (index, entry) in manifest.enumerated() {
                entries.append(try TempFileEntry(entry, prefix: "tempFiles[\(index)].", jobID: id))
            }
            tempFiles = entries
        }
        priority = try Self.readPriority(&fields)
        attempt = try Self.readCount("attempt", &fields)
        hop = try Self.readCount("hop", &fields)
        transfer = try fields.string("transfer").flatMap(Self.token)
        downloads = try Self.readCount("downloads", &fields)
        waitedSeconds = try Self.readCount("waitedSeconds", &fields)
        redrives = try Self.readCount("redrives", &fields)
        let failures = try fields.objects("history", atMost: Self.maximumFiles) ?? []
        for (index, entry) in failures.suffix(Self.maximumHistory).enumerated() {
            note(try JobFailure(entry, prefix: "history[\(index)].", jobID: id))
        }
        node = try fields.string("node").flatMap(Self.token)
        if let error = try fields.object("error") { failure = try JobFailure(error, prefix: "error.", jobID: id) }
        outcome = try fields.choice("outcome", JobOutcome.self)
        wantsThumbnails = try fields.bool("requestThumbnails") ?? true
        wantsProgressUpdates = try fields.bool("requestProgressUpdates") ?? true
        progressIntervalSeconds = try fields.double("progressInterval")
        unknown = fields.rest
        // Older versions ignored these fields, so a value that is no text, or of another shape, counts as none.
        resultKey = unknown["resultKey"]?.textValue
        unknown["resultKey"] = nil
        waitingFor = unknown["waitingFor"]?.objectValue.flatMap { HostWait($0) }
        unknown["waitingFor"] = nil
        warnings = Self.readWarnings(unknown[Self.warningsField])
        unknown[Self.warningsField] = nil
        // The spelling of the older service's requests. Older versions ignored the field, so a value that is no number
        // still counts as none.
        if progressIntervalSeconds == nil { progressIntervalSeconds = unknown["progress_interval"]?.doubleValue }
    }

    /// Reads `video_processing_request` and `image_processing_request`, the older service's entry messages.
    package init(legacyRequest object: JSONFields) throws(MessageError) {
        var fields = FieldReader(object)
        id = try Self.readID("job_id", &fields)
        let type = try fields.required("type")
        guard let kind = MediaKind.allCases.first(where: { type == Self.legacyType($0) }) else {
            let shown = type.string.clipped(toBytes: 64)
            throw fields.error(
                .unknownKind,
                "the request's `type` is `\(shown)`; known are video_processing_request, image_processing_request"
            )
        }
        self.kind = kind
        mediaID = try fields.required("media_id", atMost: Self.maximumMediaIDBytes)
        userID = try fields.string("user_id")
        sourceKey = try fields.string("s3_key")
        originalFilename = try fields.string("original_filename")
        wantsThumbnails = try fields.bool("request_thumbnails") ?? true
        wantsProgressUpdates = try fields.bool("request_progress_updates") ?? true
        progressIntervalSeconds = try fields.double("progress_interval")
        // Written by some producers as a number of milliseconds, so any type is carried.
        let remaining = fields.rest
        if progressIntervalSeconds == nil { progressIntervalSeconds = remaining["progressInterval"]?.doubleValue }
        createdAt = remaining["timestamp"]?.stringValue
        // A field that only job messages give a meaning would get it with the next stage.
        unknown = remaining.filter {
            !Self.fieldNames.contains($0.name) && ($0.name != "timestamp" || createdAt == nil)
        }
    }

    /// The fields that a job message has a meaning for.
    static let fieldNames: Set<ByteText> = [
        "id", "mediaId", "userId", "mediaType", "s3Key", "source", "destination", "originalFilename", "mimeType",
        "fileSize",
        "createdAt", "stage", "previousStage", "localMediaPath", "metadata", "outputs", "tempFiles", "priority",
        "attempt",
        "hop", "transfer", "downloads", "redrives", "history", "node", "error", "outcome", "requestThumbnails",
        "requestProgressUpdates", "progressInterval", "waitedSeconds", "waitingFor", "resultKey", warningsField,
        uploadURLsField,
    ]

    /// The `type` of the older service's entry message.
    private static func legacyType(_ kind: MediaKind) -> ByteText { "\(kind.rawValue)_processing_request" }

    /// A message with the fields of a job message is one, whatever else it has: so everything that we publish is read
    /// as a job message.
    private static func isLegacyRequest(_ object: JSONFields) -> Bool {
        let type = object["type"]?.textValue
        let isRequest = MediaKind.allCases.contains { type == legacyType($0) }
        if object.has("id") { return isRequest && object.has("job_id") && !object.has("mediaType") }
        return isRequest || object.has("job_id")
    }

    /// The message as JSON: the known fields in a fixed order, then the unknown ones as they came.
    package var json: JSONFields {
        var object = JSONFields()
        object.set("id", id)
        object.set("mediaId", mediaID)
        object.set("userId", userID)
        object.set("mediaType", kind.mediaType)
        object.set("s3Key", sourceKey)
        object.set("source", source)
        object.set("destination", destination)
        object.set(Self.uploadURLsField, uploadURLsJSON)
        object.set("originalFilename", originalFilename)
        object.set("mimeType", mimeType)
        object.set("fileSize", fileSizeBytes)
        object.set("createdAt", createdAt)
        object.set("stage", phase?.rawValue)
        object.set("previousStage", previousPhase?.rawValue)
        object.set("localMediaPath", localMediaPath)
        object.set("metadata", metadata)
        if !outputs.isEmpty { object.set("outputs", outputs.map(\.json)) }
        object.set("resultKey", resultKey)
        if !warnings.isEmpty { object.set(Self.warningsField, warnings.map(\.json)) }
        object.set("tempFiles", tempFiles?.map(\.json))
        object.set("priority", priority)
        object.set("attempt", attempt)
        object.set("hop", hop)
        object.set("transfer", transfer)
        if downloads > 0 { object.set("downloads", downloads) }
        if waitedSeconds > 0 { object.set("waitedSeconds", waitedSeconds) }
        object.set("waitingFor", waitingFor?.json)
        if redrives > 0 { object.set("redrives", redrives) }
        if !history.isEmpty { object.set("history", history.map(\.json)) }
        object.set("node", node)
        object.set("error", failure?.json)
        object.set("outcome", outcome?.rawValue)
        if !wantsThumbnails { object.set("requestThumbnails", false) }
        if !wantsProgressUpdates { object.set("requestProgressUpdates", false) }
        object.set("progressInterval", progressIntervalSeconds)
        object.append(unknown)
        return object
    }

    private static func readID(_ name: ByteText, _ fields: inout FieldReader) throws(MessageError) -> ByteText {
        let id = try fields.required(name, atMost: 4 * JobKey.maximumIDLength)
        guard JobKey.isValid(id: id) else {
            throw fields.error(
                .invalidValue,
                "the field `\(name)` has \(id.string.unicodeScalars.count) characters; "
                    + "at most \(JobKey.maximumIDLength) are allowed"
            )
        }
        fields.jobID = id
        return id
    }

    /// The token of a hand-over, or nil: messages from outside have none.
    private static func token(_ text: String) -> String? {
        text.utf8.count <= 64 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? text : nil
    }

    /// Reads a counter. A counter that has grown must still be readable, so no message that is sent may hold the very
    /// last value: see ``counted(_:)``.
    private static func readCount(_ name: ByteText, _ fields: inout FieldReader) throws(MessageError) -> Int64 {
        let count = try fields.integer(name) ?? 0
        guard (0...maximumCount).contains(count) else {
            throw fields.error(.invalidValue, "the field `\(name)` is \(count); it must be 0 to \(maximumCount)")
        }
        return count
    }

    /// 0 to 9, as the queues can tell apart.
    private static func readPriority(_ fields: inout FieldReader) throws(MessageError) -> Int64? {
        guard let given = try fields.double("priority") else { return nil }
        guard let priority = Int64(exactly: given), (0...9).contains(priority) else {
            throw fields.error(.invalidValue, "the field `priority` is \(given); it must be a whole number from 0 to 9")
        }
        return priority
    }

    private static func readKind(_ fields: inout FieldReader) throws(MessageError) -> MediaKind {
        let mediaType = try fields.required("mediaType")
        guard let kind = MediaKind(mediaType: mediaType) else {
            throw fields.error(
                .unknownKind,
                "the field `mediaType` is `\(mediaType.string.clipped(toBytes: 64))`; known are VIDEO, IMAGE"
            )
        }
        return kind
    }
}
