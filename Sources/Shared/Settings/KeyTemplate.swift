public import JobModel

/// A pattern for object keys, such as `videos/{mediaId}_{quality}.mp4`.
public struct KeyTemplate: Sendable, Hashable, CustomStringConvertible {
    public static let placeholders = Placeholder.allCases.map(\.rawValue)

    private enum Placeholder: String, Sendable, CaseIterable {
        case mediaID = "mediaId"
        case jobID = "jobId"
        case userID = "userId"
        case quality
        case index
        case fileExtension = "ext"
    }

    private enum Part: Sendable, Hashable {
        case text(String)
        case value(Placeholder)
    }

    public let description: String
    private let parts: [Part]

    init(_ pattern: String) throws(SettingsReader.ParseFailure) {
        func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
        var parts: [Part] = []
        var rest = Array(pattern.utf8)[...]
        while let open = rest.firstIndex(of: UInt8(ascii: "{")) {
            guard let close = rest[open...].firstIndex(of: UInt8(ascii: "}")) else {
                throw .init(message: "a `{` is not closed")
            }
            let name = text(rest[(open + 1)..<close])
            guard let placeholder = Placeholder(rawValue: name) else {
                let known = Self.placeholders.map { "{\($0)}" }.joined(separator: ", ")
                throw .init(message: "`{\(name.shown)}` is unknown; known are \(known)")
            }
            parts += [.text(text(rest[..<open])), .value(placeholder)]
            rest = rest[(close + 1)...]
        }
        guard parts.contains(.value(.mediaID)) || parts.contains(.value(.jobID)) else {
            throw .init(message: "it needs {mediaId} or {jobId}, or jobs would overwrite each other's outputs")
        }
        description = pattern
        self.parts = parts + [.text(text(rest))]
    }

    /// The key for one output.
    ///
    /// - Throws: ``ObjectKeyError`` when the values make no key. Whether a store can hold it, the store says.
    public func key(
        ticket: Ticket,
        quality: String = "",
        index: Int = 0,
        fileExtension: String = ""
    ) throws(ObjectKeyError) -> ObjectKey {
        var key = ""
        for part in parts {
            switch part {
            case .text(let text): key += text
            case .value(.mediaID): key += ticket.mediaID.string
            case .value(.jobID): key += ticket.id.string
            case .value(.userID): key += ticket.userID ?? ""
            case .value(.quality): key += quality
            case .value(.index): key += String(index)
            case .value(.fileExtension): key += fileExtension
            }
        }
        return try ObjectKey(key)
    }
}
