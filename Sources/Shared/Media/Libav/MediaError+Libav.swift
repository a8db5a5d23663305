import CFFmpeg
import Glibc

extension MediaError {
    /// libav's words for one of its error codes.
    static func words(for code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(AV_ERROR_MAX_STRING_SIZE)) { buffer in
            guard let base = buffer.baseAddress, av_strerror(code, base, buffer.count) >= 0 else {
                return "error \(code)"
            }
            return String(cString: base)
        }
    }

    /// The operating system's error number inside a libav code, if it holds one. libav's own codes are four letters,
    /// and so far larger.
    static func errorNumber(in code: Int32) -> Int32? {
        let number = shim_errno(code)
        return (1..<4_096).contains(number) ? number : nil
    }

    /// A failure of something that is not about the source's content: memory, an encoder's settings.
    static func libav(_ code: Int32, doing work: String) -> MediaError {
        if code == shim_error_exit { return .cancelled }
        let isResource = code == shim_error(ENOMEM) || code == shim_error(EAGAIN)
        return MediaError(
            code: isResource ? .outOfResources : .internalFailure,
            message: "\(work) failed: \(words(for: code))",
            isRetriable: isResource,
            libavCode: code,
            errorNumber: errorNumber(in: code)
        )
    }

    /// A failure to write an output. Disks fill up and fail; the same work may succeed later.
    static func write(_ code: Int32, fileName: String) -> MediaError {
        if code == shim_error_exit { return .cancelled }
        if code == shim_error(ENOMEM) { return libav(code, doing: "writing \(fileName)") }
        let number = errorNumber(in: code)
        let isOfTheSystem = number != nil && number != EINVAL
        return MediaError(
            code: isOfTheSystem ? .writeFailed : .internalFailure,
            message: "writing \(fileName) failed: \(words(for: code))"
                + (number == ENOSPC ? "; free space or lower the limits" : ""),
            isRetriable: isOfTheSystem,
            libavCode: code,
            errorNumber: number
        )
    }

    static let outOfMemory = MediaError(
        code: .outOfResources,
        message: "out of memory",
        isRetriable: true,
        errorNumber: ENOMEM
    )

    static let cancelled = MediaError(code: .cancelled, message: "cancelled by the caller", isRetriable: true)
}
