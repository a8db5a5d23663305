internal import Glibc

/// Text on standard output and error, unbuffered.
enum StandardStreams {
    static func write(_ text: String) { put(text, STDOUT_FILENO) }
    static func writeError(_ line: String) { put(line + "\n", STDERR_FILENO) }

    private static func put(_ text: String, _ descriptor: CInt) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
