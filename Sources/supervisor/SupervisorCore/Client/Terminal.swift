internal import Glibc

/// What standard output is.
enum Terminal {
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// https://no-color.org
    static var usesColours: Bool { isTerminal && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true }

    static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
