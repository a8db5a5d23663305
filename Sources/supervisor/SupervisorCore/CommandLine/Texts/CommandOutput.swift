internal import ArgumentParser
internal import Glibc
internal import Text

/// Standard output of a command. A command ends when nobody takes its output.
enum CommandOutput {
    /// Ends the process when standard output cannot be written: quietly when its reader is gone, as in `… | head -1`.
    static func write(_ text: String) {
        switch StandardStreams.write(text) {
        case nil: return
        case EPIPE: endAsSignalled()
        case let errno?:
            StandardStreams.writeError("Error: cannot write to standard output: \(systemMessage(errno))")
            _exit(CommandExit.outputFailed.rawValue)
        }
    }

    static func write(lines: [String]) { write(lines.map { $0 + "\n" }.joined()) }

    /// One document.
    ///
    /// - Parameter isLine: whether it is one of many, each on a line of its own.
    static func write(json value: some Encodable, isLine: Bool = false) throws {
        write(String(decoding: try JSONText.encode(value, isPretty: !isLine), as: UTF8.self) + "\n")
    }

    /// A shell expects a death by SIGPIPE when a pipe is closed. We ignore that signal because of sockets.
    private static func endAsSignalled() -> Never {
        signal(SIGPIPE, SIG_DFL)
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        raise(SIGPIPE)
        _exit(128 + SIGPIPE)
    }
}
