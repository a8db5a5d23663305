/// The purpose of a temp file.
package enum TempFileType: String, Sendable, Hashable, CaseIterable, Codable {
    case input
    case output
    case intermediate
}

/// One line of the manifest (`tempFiles`) that travels with a job.
package struct TempFileEntry: Sendable, Hashable {
    /// Absolute path on the host that owns the job's files.
    package var path: ByteText
    /// The stage that made the file. Absent in manifests of older producers.
    package var stage: JobPhase?
    /// ISO 8601.
    package var createdAt: String?
    package var sizeBytes: Int64
    package var type: TempFileType
    package var description: String
    package var isMarkedForCleanup: Bool
    /// Where the file's bytes are while they are not on the disk.
    package var spill: SpilledCopy?
    /// Fields that this version does not know.
    package var unknown = JSONFields()

    package init(
        path: ByteText,
        stage: JobPhase?,
        createdAt: String?,
        sizeBytes: Int64,
        type: TempFileType,
        description: String,
        isMarkedForCleanup: Bool = false
    ) {
        self.path = path
        self.stage = stage
        self.createdAt = createdAt
        self.sizeBytes = sizeBytes
        self.type = type
        self.description = description
        self.isMarkedForCleanup = isMarkedForCleanup
    }

    init(_ object: JSONFields, prefix: String, jobID: ByteText?) throws(MessageError) {
        var fields = FieldReader(object, prefix: prefix, jobID: jobID)
        path = try fields.required("path")
        stage = try fields.choice("stage", JobPhase.self)
        createdAt = try fields.string("createdAt")
        sizeBytes = try fields.integer("size") ?? 0
        type = try fields.choice("type", TempFileType.self) ?? .intermediate
        description = try fields.string("description") ?? ""
        isMarkedForCleanup = try fields.bool("markedForCleanup") ?? false
        spill = SpilledCopy(fields.any("spill"))
        unknown = fields.rest
    }

    package var json: JSONFields {
        var object = JSONFields()
        object.set("path", path)
        object.set("stage", stage?.rawValue)
        object.set("createdAt", createdAt)
        object.set("size", sizeBytes)
        object.set("type", type.rawValue)
        object.set("description", description)
        object.set("markedForCleanup", isMarkedForCleanup)
        object.set("spill", spill?.json)
        object.append(unknown)
        return object
    }
}
