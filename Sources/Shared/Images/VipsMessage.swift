internal import CVips
internal import Dispatch
import Glibc

/// libvips' error text. It is one buffer for the whole process, which every failing operation appends to.
enum VipsMessage {
    /// Failures of system calls that tell of the host: libvips adds their words to its own.
    private static let systemErrors = [ENOSPC, EDQUOT, EIO, ENOMEM, EMFILE, ENFILE, EROFS, EACCES, EAGAIN]

    private static let turn = DispatchSemaphore(value: 1)

    /// Clears the buffer and runs `body`, one image at a time: text in the buffer could otherwise belong to another
    /// image, or be taken by it. A worker has one image at a time anyway.
    static func withFreshBuffer<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
        turn.wait()
        defer { turn.signal() }
        vips_error_clear()
        return try body()
    }

    /// Takes the text out of the buffer, as one line. libvips copies and clears under its own lock.
    static func take() -> String { takeIfAny() ?? "no reason given" }

    /// Takes the text; nil where there is none.
    static func takeIfAny() -> String? {
        guard let text = vips_error_buffer_copy() else { return nil }
        defer { g_free(text) }
        var lines: [Substring] = []
        for line in String(cString: text).split(separator: "\n") where !lines.contains(line) {
            lines.append(line)
        }
        return lines.isEmpty ? nil : lines.prefix(4).joined(separator: "; ")
    }

    /// The error for an operation that has just failed: `outOfMemory` or `writeFailed` where libvips tells of a failed
    /// system call, as then the host is at fault and not the picture; else `code`.
    static func error(_ code: ImageError.Code, _ what: String) -> ImageError {
        self.error(code, what, words: take())
    }

    static func error(_ code: ImageError.Code, _ what: String, words: String) -> ImageError {
        if words.contains("out of memory") {
            return ImageError(.outOfMemory, "\(what): libvips: \(words)", isRetriable: true)
        }
        for error in systemErrors where words.contains(String(cString: strerror(error))) {
            return ImageError(
                error == ENOMEM ? .outOfMemory : .inputUnreadable,
                "\(what), as this host is in trouble: libvips: \(words)",
                isRetriable: true,
                systemError: error
            )
        }
        return ImageError(code, "\(what): libvips: \(words)")
    }
}
