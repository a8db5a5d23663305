/// Why a job failed: the ticket's `error`.
public struct JobFailure: Sendable, Hashable {
    /// The stage that gave up.
    public var stage: Stage
    /// A short word for programs, such as `invalid_media`.
    public var code: String
    /// A sentence for people: the cause, and what to do.
    public var message: String
    /// ISO 8601.
    public var occurredAt: String
    /// The host name of the machine that the stage ran on.
    public var host: String?
    public var unknown = JSONFields()

    /// The code of a failure that came without one.
    public static let unknownCode = "unknown"

    /// Longer messages are cut: they travel in headers and updates, and quote text of strangers.
    public static let maximumMessageBytes = 2048

    public init(stage: Stage, code: String, message: String, occurredAt: String, host: String? = nil) {
        self.stage = stage
        self.code = code.clipped(toBytes: 128)
        self.message = message.clipped(toBytes: Self.maximumMessageBytes)
        self.occurredAt = occurredAt
        self.host = host?.clipped(toBytes: 255)
    }

    init(_ object: JSONFields, prefix: String, jobID: ByteText?) throws(MessageError) {
        var fields = FieldReader(object, prefix: prefix, jobID: jobID)
        stage = try fields.choice("stage", Stage.self) ?? .download
        code = (try fields.string("code") ?? Self.unknownCode).clipped(toBytes: 128)
        message = (try fields.string("message") ?? "").clipped(toBytes: Self.maximumMessageBytes)
        occurredAt = (try fields.string("at") ?? "").clipped(toBytes: 64)
        host = try fields.string("host")?.clipped(toBytes: 255)
        unknown = fields.rest
    }

    public var json: JSONFields {
        var object = JSONFields()
        object.set("stage", stage.rawValue)
        object.set("code", code)
        object.set("message", message)
        object.set("at", occurredAt)
        object.set("host", host)
        object.append(unknown)
        return object
    }
}
