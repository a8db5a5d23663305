/// One file that a job makes: a rendition, a thumbnail, an image variant.
public struct JobOutput: Sendable, Hashable {
    /// `thumbnail`, `scaled`, `original` or `image_scaled`; an open set.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        public var rawValue: ByteText
        public init(rawValue: ByteText) { self.rawValue = rawValue }

        public static let thumbnail = Kind(rawValue: "thumbnail")
        public static let scaled = Kind(rawValue: "scaled")
        public static let original = Kind(rawValue: "original")
        public static let imageScaled = Kind(rawValue: "image_scaled")
    }

    public var kind: Kind
    /// The key of the output in the object store.
    public var key: ByteText
    public var width: Int64?
    public var height: Int64?
    public var sizeBytes: Int64?
    public var mimeType: String?
    /// `360p`, `original`, …
    public var quality: String?
    /// The temp file that holds it until it is uploaded.
    public var localPath: ByteText?
    public var codec: String?
    /// The length of a video, in seconds.
    public var durationSeconds: Double?
    /// The time of a thumbnail, in seconds from the start of the video.
    public var timestampSeconds: Double?
    /// The URL of the published object. Set by the upload stage.
    public var location: String?
    public var unknown = JSONFields()

    public init(kind: Kind, key: ByteText) {
        self.kind = kind
        self.key = key
    }

    public init(_ object: JSONFields, prefix: String = "", jobID: ByteText? = nil) throws(MessageError) {
        var fields = FieldReader(object, prefix: prefix, jobID: jobID)
        kind = Kind(rawValue: try fields.required("type"))
        key = try fields.text("s3Key") ?? ""
        width = try fields.integer("width")
        height = try fields.integer("height")
        sizeBytes = try fields.integer("fileSize")
        mimeType = try fields.string("mimeType")
        quality = try fields.string("quality")
        localPath = try fields.text("localPath")
        codec = try fields.string("codec")
        durationSeconds = try fields.double("duration")
        timestampSeconds = try fields.double("timestamp")
        location = try fields.string("location")
        unknown = fields.rest
    }

    public var json: JSONFields {
        var object = JSONFields()
        object.set("type", kind.rawValue)
        object.set("s3Key", key)
        object.set("width", width)
        object.set("height", height)
        object.set("fileSize", sizeBytes)
        object.set("mimeType", mimeType)
        object.set("quality", quality)
        object.set("localPath", localPath)
        object.set("codec", codec)
        object.set("duration", durationSeconds)
        object.set("timestamp", timestampSeconds)
        object.set("location", location)
        object.append(unknown)
        return object
    }
}

extension JobOutput {
    /// The output once it is in the store: nothing of it is left here.
    public var published: JobOutput {
        var output = self
        output.localPath = nil
        return output
    }
}

extension Ticket {
    /// The outputs that are in the store.
    public var publishedOutputs: [JobOutput] { outputs.filter { $0.location != nil }.map(\.published) }
}
