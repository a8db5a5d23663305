public import JobModel

/// A pattern for object keys, such as `videos/{mediaId}_{quality}.mp4`.
public struct KeyTemplate: Sendable, Hashable, CustomStringConvertible {
    public static let placeholders = ["mediaId", "jobId", "userId", "quality", "index", "ext"]

    private let pattern: String
    public var description: String { pattern }

    init(_ pattern: String) throws(SettingsReader.ParseFailure) {
        var rest = pattern[...]
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}") else { throw .init(message: "a `{` is not closed") }
            let name = String(rest[rest.index(after: open)..<close])
            guard Self.placeholders.contains(name) else {
                throw .init(
                    message:
                        "`{\(name)}` is unknown; known are \(Self.placeholders.map { "{\($0)}" }.joined(separator: ", "))"
                )
            }
            rest = rest[rest.index(after: close)...]
        }
        guard pattern.contains("{mediaId}") || pattern.contains("{jobId}") else {
            throw .init(message: "it needs {mediaId} or {jobId}, or jobs would overwrite each other's outputs")
        }
        self.pattern = pattern
    }

    /// The key for one output.
    ///
    /// - Throws: ``ObjectKeyError`` when the values make a key that is not allowed, such as a media id with `..` parts.
    public func key(
        ticket: Ticket,
        quality: String = "",
        index: Int = 0,
        fileExtension: String = ""
    ) throws(ObjectKeyError) -> ObjectKey {
        var key = ""
        var rest = pattern[...]
        // One pass: a value that looks like a placeholder is not expanded again.
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            key += rest[..<open]
            switch rest[rest.index(after: open)..<close] {
            case "mediaId": key += ticket.mediaID.string
            case "jobId": key += ticket.id.string
            case "userId": key += ticket.userID ?? ""
            case "quality": key += quality
            case "index": key += String(index)
            default: key += fileExtension
            }
            rest = rest[rest.index(after: close)...]
        }
        return try ObjectKey(key + rest)
    }
}
