/// The document that tells what a job has published. It is put into the store after all outputs, so whoever finds it
/// finds all of them. See docs/decisions/0029-results-and-removal.md.
///
/// It has no time of ours in it: the same job makes the same bytes again.
package struct ResultIndex: Sendable, Hashable {
    /// Changes when a reader of an earlier version would misunderstand a later document.
    package static let version: Int64 = 1

    package var key: JobKey
    package var mediaID: ByteText
    /// nil also when it has more than ``ProgressUpdate/maximumUserIDBytes``.
    package var userID: String?
    /// With their locations.
    package var outputs: [JobOutput]
    /// As updates carry it.
    package var metadata: JSONFields?
    package var warnings: [ProgressUpdate.Warning] = []

    /// - Parameter ticket: of a job all of whose outputs are in the store.
    package init(_ ticket: Ticket) {
        key = ticket.key
        mediaID = ticket.mediaID
        userID = ticket.userID.flatMap { $0.utf8.count <= ProgressUpdate.maximumUserIDBytes ? $0 : nil }
        outputs = ticket.outputs
        metadata = ticket.metadata.map(ProgressUpdate.carried)
        warnings = ticket.warnings
    }

    package var json: JSONFields {
        var object = JSONFields()
        object.set("version", Self.version)
        object.set("jobId", key.id)
        object.set("mediaId", mediaID)
        object.set("userId", userID)
        object.set("kind", key.kind.rawValue)
        object.set("outputs", outputs.map(Self.entry))
        object.set("metadata", metadata)
        object.set("warnings", warnings.map(\.json))
        return object
    }

    private static func entry(_ output: JobOutput) -> JSONFields {
        var entry = JSONFields()
        entry.set("type", output.kind.rawValue)
        entry.set("key", output.key)
        entry.set("location", output.location)
        entry.set("quality", output.quality)
        entry.set("width", output.width)
        entry.set("height", output.height)
        entry.set("fileSize", output.sizeBytes)
        entry.set("mimeType", output.mimeType)
        entry.set("codec", output.codec)
        entry.set("profile", output.profile)
        entry.set("pixelFormat", output.pixelFormat)
        entry.set("transfer", output.transfer)
        entry.set("duration", output.durationSeconds)
        entry.set("timestamp", output.timestampSeconds)
        return entry
    }
}

extension ResultIndex {
    /// The part of an index that tells whose objects there are.
    package struct Listing: Sendable, Hashable {
        package var job: JobKey
        package var keys: Set<ByteText>

        /// A longer document is none of ours: it has less than the message of its job.
        package static let maximumBytes = Ticket.maximumBytes

        /// - Throws: ``MessageError`` when the bytes are no index. Whoever may write to the store could have put them.
        package init(parsing bytes: some Sequence<UInt8>) throws(MessageError) {
            let object = try JSONFields(parsing: bytes)
            guard let id = object["jobId"]?.textValue, JobKey.isValid(id: id),
                let kind = object["kind"]?.textValue.flatMap({ MediaKind(named: $0) }),
                let entries = object["outputs"]?.elements(atMost: Ticket.maximumFiles)
            else { throw Self.refusal("`jobId`, `kind` or `outputs` is missing, or is of another type") }
            job = JobKey(kind: kind, id: id)
            var keys: Set<ByteText> = []
            for entry in entries {
                guard let key = entry.objectValue?["key"]?.textValue else {
                    throw Self.refusal("an output has no `key`")
                }
                keys.insert(key)
            }
            self.keys = keys
        }

        private static func refusal(_ reason: String) -> MessageError {
            MessageError(code: .invalidValue, message: "the document is no result index: \(reason)")
        }
    }
}
