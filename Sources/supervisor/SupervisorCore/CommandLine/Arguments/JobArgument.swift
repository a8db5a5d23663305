internal import JobModel
internal import Text

/// A job as people name it: `video/ID`, `image/ID`, or an ID that only one kind has.
struct JobArgument: Sendable, Equatable {
    /// nil when it is to be found out.
    var kind: MediaKind?
    var id: ByteText

    /// - Parameter kind: with it the text is the bare id, whatever it looks like.
    /// - Throws: ``UsageProblem`` when the text cannot be an id.
    init(_ text: String, kind: MediaKind? = nil) throws(UsageProblem) {
        self.kind = kind
        id = ByteText(text)
        if kind == nil, let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")),
            let named = MediaKind(rawValue: String(text[..<slash]))
        {
            self.kind = named
            id = ByteText(String(text[text.utf8.index(after: slash)...]))
        }
        guard JobKey.isValid(id: id) else {
            throw UsageProblem(
                message: "`\(OrphanText.plain(text))` names no job: an id has 1 to \(JobKey.maximumIDLength) characters"
            )
        }
    }

    var path: String {
        "/jobs/" + (kind.map { $0.rawValue + "/" } ?? "") + PercentCoding.encode(id.string)
    }

    /// For people.
    var text: String { OrphanText.plain(kind.map { "\(JobKey(kind: $0, id: id))" } ?? id.string) }
}
