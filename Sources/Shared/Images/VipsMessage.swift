internal import CVips
import Synchronization

/// libvips' error text. It is one buffer for the whole process, which every failing operation appends to.
enum VipsMessage {
    private static let activeCount = Mutex(0)

    /// Runs `body` with whatever an earlier image left in the buffer cleared. Images of several threads may be worked
    /// on at once: then nothing is cleared, and a message can at worst carry another image's words too.
    static func withFreshBuffer<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
        activeCount.withLock { count in
            if count == 0 { vips_error_clear() }
            count += 1
        }
        defer { activeCount.withLock { $0 -= 1 } }
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
