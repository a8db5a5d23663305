/// Why a message cannot be a job. Such a message is a dead letter with this reason, never a redelivery.
public struct MessageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An open set: a receiver treats a code it does not know like any other unreadable message.
    public struct Code: RawRepresentable, Sendable, Hashable {
        public var rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        public static let notJSON = Code(rawValue: "not_json")
        public static let notAnObject = Code(rawValue: "not_an_object")
        public static let missingField = Code(rawValue: "missing_field")
        public static let wrongType = Code(rawValue: "wrong_type")
        public static let invalidValue = Code(rawValue: "invalid_value")
        public static let unknownKind = Code(rawValue: "unknown_kind")
        public static let tooLarge = Code(rawValue: "too_large")
    }

    public var code: Code
    public var message: String
    /// The job's id, when the message was readable enough to have one.
    public var jobID: ByteText?

    public init(code: Code, message: String, jobID: ByteText? = nil) {
        self.code = code
        self.message = message.clipped(toBytes: JobFailure.maximumMessageBytes)
        self.jobID = jobID
    }

    public var description: String { message }
}
