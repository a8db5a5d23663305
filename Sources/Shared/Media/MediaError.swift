/// Why a video could not be read or made, with a verdict: is trying the same again of any use?
public struct MediaError: Error, Sendable, CustomStringConvertible {
    /// The kind of error. An open set: compare with the constants, and expect others.
    public struct Code: RawRepresentable, Hashable, Sendable, Codable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The file is no media file that libav can open: empty, text, cut off before its index. Permanent.
        public static let unreadable = Code(rawValue: "unreadable")
        /// The file opens, but has no moving picture (sound only, or a cover image). Permanent.
        public static let noVideoStream = Code(rawValue: "no_video_stream")
        /// The container may reach other files or hosts, as a playlist does. Permanent.
        public static let containerNotAllowed = Code(rawValue: "container_not_allowed")
        /// There is no decoder, or the picture's size is out of range. Permanent.
        public static let unsupported = Code(rawValue: "unsupported")
        /// Too much of the stream cannot be decoded. Permanent.
        public static let damaged = Code(rawValue: "damaged")
        /// A profile or a plan with values out of range. Permanent.
        public static let invalidPlan = Code(rawValue: "invalid_plan")
        /// The source could not be read from disk. Retriable, unless it does not exist.
        public static let readFailed = Code(rawValue: "read_failed")
        /// An output could not be written, for example because the disk is full. Retriable.
        public static let writeFailed = Code(rawValue: "write_failed")
        /// The caller's `outputPath` closure threw; see `underlying`. Retriable.
        public static let outputRefused = Code(rawValue: "output_refused")
        /// The caller's `isCancelled` closure returned true. Retriable: nothing is wrong with the file.
        public static let cancelled = Code(rawValue: "cancelled")
        /// Memory or threads ran out. Retriable.
        public static let outOfResources = Code(rawValue: "out_of_resources")
        /// libav refused something that should work, an encoder's settings for example. Permanent.
        public static let internalFailure = Code(rawValue: "internal_failure")
    }

    public let code: Code
    /// The cause and the remedy, in one line.
    public let message: String
    /// True when the same work may succeed later.
    public let isRetriable: Bool
    /// libav's error code (negative), when there is one.
    public let libavCode: Int32?
    /// The error number of the operating system, when there is one.
    public let errorNumber: Int32?
    /// The error that the caller's closure threw, for `outputRefused`.
    public let underlying: (any Error)?

    public init(
        code: Code,
        message: String,
        isRetriable: Bool,
        libavCode: Int32? = nil,
        errorNumber: Int32? = nil,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.libavCode = libavCode
        self.errorNumber = errorNumber
        self.underlying = underlying
    }

    public var description: String {
        "\(code.rawValue): \(message)"
    }
}
