internal import Glibc
internal import JobModel

/// Text on standard output and error, unbuffered.
enum StandardStreams {
    /// - Returns: nil, or the errno when not all could be written.
    @discardableResult
    static func write(_ text: String) -> CInt? { put(text, STDOUT_FILENO) }

    /// Writes lines for people. They may quote anybody's text, in which nothing moves the cursor.
    static func writeError(_ lines: String) {
        let newline = UInt8(ascii: "\n")
        let shown = lines.utf8.split(separator: newline, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self).shown }
        _ = put(shown.joined(separator: "\n") + "\n", STDERR_FILENO)
    }

    private static func put(_ text: String, _ descriptor: CInt) -> CInt? {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? errno : EIO }
            rest = rest.dropFirst(count)
        }
        return nil
    }
}
