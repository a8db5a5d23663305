/// Lists of outputs by quality, as settings write them: `QUALITY=…,QUALITY=…`.
enum Quality {
    /// Qualities name files, so they are plain words.
    static func assignment(
        _ part: Substring,
        _ failure: SettingsReader.ParseFailure
    ) throws(SettingsReader.ParseFailure) -> (quality: String, rest: Substring) {
        guard let equals = part.firstIndex(of: "=") else { throw failure }
        let quality = part[..<equals].trimmed
        guard !quality.isEmpty, quality != "original",
            quality.utf8.allSatisfy({ (48...57).contains($0) || (97...122).contains($0 | 0x20) || $0 == 45 || $0 == 95 }
            )
        else { throw failure }
        return (quality, part[part.index(after: equals)...])
    }

    static func distinct<T>(
        _ values: [T],
        _ quality: (T) -> String
    ) throws(SettingsReader.ParseFailure) -> [T] {
        guard (1...16).contains(values.count) else { throw .init(message: "it needs 1 to 16 entries") }
        guard Set(values.map(quality)).count == values.count else { throw .init(message: "a quality is named twice") }
        return values
    }
}
