/// Why a video could not be read or made, with a verdict: is trying the same again of any use?
package struct MediaError: Error, Sendable, CustomStringConvertible {
    /// The kind of error. An open set: compare with the constants, and expect others.
    package struct Code: RawRepresentable, Hashable, Sendable, Codable {
        package let rawValue: String

        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The file is no media file that libav can open: empty, text, cut off before its index. Permanent.
        package static let unreadable = Code(rawValue: "unreadable")
        /// The file opens, but has no moving picture (sound only, or a cover image). Permanent.
        package static let noVideoStream = Code(rawValue: "no_video_stream")
        /// The container may reach other files or hosts, as a playlist does. Permanent.
        package static let containerNotAllowed = Code(rawValue: "container_not_allowed")
        /// There is no decoder, or the picture's size is out of range. Permanent.
        package static let unsupported = Code(rawValue: "unsupported")
        /// The content is encrypted (DRM). Permanent.
        package static let encrypted = Code(rawValue: "encrypted")
        /// Dolby Vision without a base picture that other decoders can show, profile 5 for example. Permanent.
        package static let dolbyVision = Code(rawValue: "dolby_vision_unsupported")
        /// Too much of the stream cannot be decoded. Permanent.
        package static let damaged = Code(rawValue: "damaged")
        /// A profile or a plan with values out of range. Permanent.
        package static let invalidPlan = Code(rawValue: "invalid_plan")
        /// The source could not be read from disk. Retriable, unless it does not exist.
        package static let readFailed = Code(rawValue: "read_failed")
        /// An output could not be written, for example because the disk is full. Retriable.
        package static let writeFailed = Code(rawValue: "write_failed")
        /// The caller's `outputPath` closure threw; see `underlying`. Retriable.
        package static let outputRefused = Code(rawValue: "output_refused")
        /// The caller's `isCancelled` closure returned true. Retriable: nothing is wrong with the file.
        package static let cancelled = Code(rawValue: "cancelled")
        /// Memory or threads ran out. Retriable.
        package static let outOfResources = Code(rawValue: "out_of_resources")
        /// libav refused something that should work, an encoder's settings for example. Permanent.
        package static let internalFailure = Code(rawValue: "internal_failure")
    }

    package let code: Code
    /// The cause and the remedy, in one line.
    package let message: String
    /// True when the same work may succeed later.
    package let isRetriable: Bool
    /// libav's error code (negative), when there is one.
    package let libavCode: Int32?
    /// The error number of the operating system, when there is one.
    package let errorNumber: Int32?
    /// The error that the caller's closure threw, for `outputRefused`.
    package let underlying: (any Error)?

    package init(
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

    package var description: String {
        "\(code.rawValue): \(message)"
    }
}
