/// The reason why an image could not be inspected or converted.
///
/// Callers decide by ``isRetriable`` alone whether to try the job again; ``code`` is the kind of error, and ``message``
/// names the cause in a sentence that can be shown to the job's owner.
public struct ImageError: Error, Sendable, CustomStringConvertible {
    /// An open set: match the codes you know and treat others by ``ImageError/isRetriable``.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public var description: String { rawValue }

        /// libvips could not be started. Not retriable in this process.
        public static let runtimeUnavailable = Code(rawValue: "runtime_unavailable")
        /// The input could not be opened or read. Retriable: the file, not the picture, is at fault.
        public static let inputUnreadable = Code(rawValue: "input_unreadable")
        /// The input has no bytes.
        public static let emptyInput = Code(rawValue: "empty_input")
        /// The input is none of the accepted formats.
        public static let unsupportedFormat = Code(rawValue: "unsupported_format")
        /// The picture's dimensions are over ``ImageLimits``.
        public static let limitExceeded = Code(rawValue: "limit_exceeded")
        /// The input is damaged, or uses something libvips cannot decode.
        public static let decodeFailed = Code(rawValue: "decode_failed")
        /// A picture could not be encoded.
        public static let encodeFailed = Code(rawValue: "encode_failed")
        /// Memory ran out. Retriable.
        public static let outOfMemory = Code(rawValue: "out_of_memory")
        /// The input is not the picture that the plan was made for.
        public static let inputChanged = Code(rawValue: "input_changed")
        /// The plan cannot be carried out by anyone, for example two outputs with one name.
        public static let invalidPlan = Code(rawValue: "invalid_plan")
        /// The caller's closure gave no path for an output; its error is in ``ImageError/underlying``. Retriable.
        public static let outputRefused = Code(rawValue: "output_refused")
        /// An output could not be written, for example because the disk is full. Retriable.
        public static let writeFailed = Code(rawValue: "write_failed")
        /// The caller asked to stop.
        public static let cancelled = Code(rawValue: "cancelled")
    }

    public let code: Code
    public let message: String
    /// Whether the same call may succeed later with the same input.
    public let isRetriable: Bool
    /// The `errno` underneath, where a system call failed.
    public let systemError: Int32?
    /// The error of the caller's own closure, where that is the cause.
    public let underlying: (any Error)?

    public init(
        _ code: Code,
        _ message: String,
        isRetriable: Bool = false,
        systemError: Int32? = nil,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.systemError = systemError
        self.underlying = underlying
    }

    public var description: String { "\(code): \(message)" }
}
