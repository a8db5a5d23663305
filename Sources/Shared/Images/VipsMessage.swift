internal import CVips
internal import Dispatch

/// libvips' error text. It is one buffer for the whole process, which every failing operation appends to.
enum VipsMessage {
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
    static func take() -> String {
        guard let text = vips_error_buffer_copy() else { return "no reason given" }
        defer { g_free(text) }
        var lines: [Substring] = []
        for line in String(cString: text).split(separator: "\n") where !lines.contains(line) {
            lines.append(line)
        }
        return lines.isEmpty ? "no reason given" : lines.prefix(4).joined(separator: "; ")
    }

    /// The error for an operation that has just failed: out of memory if libvips says so, else `code`.
    static func error(_ code: ImageError.Code, _ what: String) -> ImageError {
        let words = take()
        if words.contains("out of memory") {
            return ImageError(.outOfMemory, "\(what): libvips: \(words)", isRetriable: true)
        }
        return ImageError(code, "\(what): libvips: \(words)")
    }
}
