extension String {
    /// The text, cut to at most `bytes` bytes of UTF-8 at a character's edge. Counting characters would not bound it:
    /// one may have any number of combining marks.
    package func clipped(toBytes bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var kept = String.UnicodeScalarView()
        var size = 0
        for scalar in unicodeScalars {
            size += UTF8.width(scalar)
            if size > bytes - 3 { break }
            kept.append(scalar)
        }
        return String(kept) + "…"
    }
}
