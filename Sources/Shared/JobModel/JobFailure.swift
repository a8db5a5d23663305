/// Why a job failed: the ticket's `error`.
package struct JobFailure: Sendable, Hashable {
    /// The stage that gave up.
    package var stage: Stage
    /// A short word for programs, such as `invalid_media`.
    package var code: String
    /// A sentence for people: the cause, and what to do.
    package var message: String
    /// ISO 8601.
    package var occurredAt: String
    /// The host name of the machine that the stage ran on.
    package var host: String?
    package var unknown = JSONFields()

    /// The code of a failure that came without one.
    package static let unknownCode = "unknown"

    /// Longer messages are cut: they travel in headers and updates, and quote text of strangers.
    package static let maximumMessageBytes = 2048

    package init(stage: Stage, code: String, message: String, occurredAt: String, host: String? = nil) {
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

    package var json: JSONFields {
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
