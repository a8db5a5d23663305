/// The reason why an image could not be inspected or converted.
///
/// Callers decide by ``isRetriable`` alone whether to try the job again; ``code`` is the kind of error, and ``message``
/// names the cause in a sentence that can be shown to the job's owner.
package struct ImageError: Error, Sendable, CustomStringConvertible {
    /// An open set: match the codes you know and treat others by ``ImageError/isRetriable``.
    package struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        package let rawValue: String

        package init(rawValue: String) { self.rawValue = rawValue }

        package var description: String { rawValue }

        /// libvips could not be started. Not retriable in this process.
        package static let runtimeUnavailable = Code(rawValue: "runtime_unavailable")
        /// The input could not be opened or read. Retriable: the file, not the picture, is at fault.
        package static let inputUnreadable = Code(rawValue: "input_unreadable")
        /// The input has no bytes.
        package static let emptyInput = Code(rawValue: "empty_input")
        /// The input is none of the accepted formats.
        package static let unsupportedFormat = Code(rawValue: "unsupported_format")
        /// The picture's dimensions are over ``ImageLimits``.
        package static let limitExceeded = Code(rawValue: "limit_exceeded")
        /// The input is damaged, or uses something libvips cannot decode.
        package static let decodeFailed = Code(rawValue: "decode_failed")
        /// A picture could not be encoded.
        package static let encodeFailed = Code(rawValue: "encode_failed")
        /// Memory ran out. Retriable.
        package static let outOfMemory = Code(rawValue: "out_of_memory")
        /// The input is not the picture that the plan was made for.
        package static let inputChanged = Code(rawValue: "input_changed")
        /// The plan cannot be carried out by anyone, for example two outputs with one name.
        package static let invalidPlan = Code(rawValue: "invalid_plan")
        /// The caller's closure gave no path for an output; its error is in ``ImageError/underlying``. Retriable.
        package static let outputRefused = Code(rawValue: "output_refused")
        /// An output could not be written, for example because the disk is full. Retriable.
        package static let writeFailed = Code(rawValue: "write_failed")
        /// The caller asked to stop.
        package static let cancelled = Code(rawValue: "cancelled")
    }

    package let code: Code
    package let message: String
    /// Whether the same call may succeed later with the same input.
    package let isRetriable: Bool
    /// The `errno` underneath, where a system call failed.
    package let systemError: Int32?
    /// The error of the caller's own closure, where that is the cause.
    package let underlying: (any Error)?

    package init(
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

    package var description: String { "\(code): \(message)" }
}
