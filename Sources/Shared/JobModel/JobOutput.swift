/// One file that a job makes: a rendition, a thumbnail, an image variant.
package struct JobOutput: Sendable, Hashable {
    /// `thumbnail`, `scaled`, `original` or `image_scaled`; an open set.
    package struct Kind: RawRepresentable, Sendable, Hashable {
        package var rawValue: ByteText
        package init(rawValue: ByteText) { self.rawValue = rawValue }

        package static let thumbnail = Kind(rawValue: "thumbnail")
        package static let scaled = Kind(rawValue: "scaled")
        package static let original = Kind(rawValue: "original")
        package static let imageScaled = Kind(rawValue: "image_scaled")
    }

    package var kind: Kind
    /// The key of the output in the object store.
    package var key: ByteText
    package var width: Int64?
    package var height: Int64?
    package var sizeBytes: Int64?
    package var mimeType: String?
    /// `360p`, `original`, …
    package var quality: String?
    /// The temp file that holds it until it is uploaded.
    package var localPath: ByteText?
    package var codec: String?
    /// The codec's profile, the pixel format and the transfer function of a video, by libav's names.
    package var profile: String?
    package var pixelFormat: String?
    package var transfer: String?
    /// The length of a video, in seconds.
    package var durationSeconds: Double?
    /// The time of a thumbnail, in seconds from the start of the video.
    package var timestampSeconds: Double?
    /// The URL of the published object. Set by the upload stage.
    package var location: String?
    package var unknown = JSONFields()

    package init(kind: Kind, key: ByteText) {
        self.kind = kind
        self.key = key
    }

    package init(_ object: JSONFields, prefix: String = "", jobID: ByteText? = nil) throws(MessageError) {
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
        // Older versions ignored these fields, so a value that is no text counts as none.
        profile = Self.takeText("profile", from: &unknown)
        pixelFormat = Self.takeText("pixelFormat", from: &unknown)
        transfer = Self.takeText("transfer", from: &unknown)
    }

    private static func takeText(_ name: ByteText, from fields: inout JSONFields) -> String? {
        guard let text = fields[name]?.stringValue else { return nil }
        fields[name] = nil
        return text
    }

    package var json: JSONFields {
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
        object.set("profile", profile)
        object.set("pixelFormat", pixelFormat)
        object.set("transfer", transfer)
        object.set("duration", durationSeconds)
        object.set("timestamp", timestampSeconds)
        object.set("location", location)
        object.append(unknown)
        return object
    }
}

extension JobOutput {
    /// The output once it is in the store: nothing of it is left here.
    package var published: JobOutput {
        var output = self
        output.localPath = nil
        return output
    }
}

extension Ticket {
    /// The outputs that are in the store.
    package var publishedOutputs: [JobOutput] { outputs.filter { $0.location != nil }.map(\.published) }
}
