internal import Glibc

/// The kind of standard output.
enum Terminal {
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether lines can be drawn anew.
    static var canRedraw: Bool { isTerminal && !isDumb }

    /// https://no-color.org
    static var usesColours: Bool { canRedraw && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true }

    private static var isDumb: Bool { getenv("TERM").map { String(cString: $0) == "dumb" } ?? true }

    /// - Returns: the text in a colour where colours are used.
    static func coloured(_ text: String, _ colour: Colour?, usesColours: Bool = usesColours) -> String {
        guard let colour, usesColours else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    enum Colour: Int {
        case red = 31
        case green = 32
        case yellow = 33
    }

    static var width: Int { size.columns }

    static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
