extension Unicode.Scalar {
    /// Whether a person sees the character as one sign in its place. Controls (C0 and C1), line and paragraph
    /// separators, marks that turn the direction of text, other invisible characters, and characters that this version
    /// of Unicode does not know are not shown.
    package var isShown: Bool {
        if isASCII { return (0x20...0x7E).contains(value) }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return false
        default: return true
        }
    }
}

extension StringProtocol {
    /// The text for a terminal, a log or a message: one line, in which nothing moves the cursor, begins a line or turns
    /// the text around. Characters that are not shown are written as in Swift: `\n`, `\u{9B}`.
    package var shown: String {
        if utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return String(self) }
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars { shown.append(shownForm: scalar) }
        return String(shown)
    }

    /// ``shown``, between quotation marks, with a backslash before those within and before backslashes.
    package var shownInQuotes: String {
        var shown: String.UnicodeScalarView = "\"".unicodeScalars
        for scalar in unicodeScalars {
            if scalar == "\"" || scalar == "\\" { shown.append("\\") }
            shown.append(shownForm: scalar)
        }
        shown.append("\"")
        return String(shown)
    }
}

extension String.UnicodeScalarView {
    fileprivate mutating func append(shownForm scalar: Unicode.Scalar) {
        switch scalar {
        case "\n": append(contentsOf: #"\n"#.unicodeScalars)
        case "\r": append(contentsOf: #"\r"#.unicodeScalars)
        case "\t": append(contentsOf: #"\t"#.unicodeScalars)
        case _ where scalar.isShown: append(scalar)
        default: append(contentsOf: #"\u{\#(String(scalar.value, radix: 16, uppercase: true))}"#.unicodeScalars)
        }
    }
}
