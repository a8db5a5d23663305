package import JobModel

/// A pattern for object keys, such as `videos/{mediaId}_{quality}.mp4`.
package struct KeyTemplate: Sendable, Hashable, CustomStringConvertible {
    package static let placeholders = Placeholder.allCases.map(\.rawValue)

    enum Placeholder: String, Sendable, CaseIterable {
        case mediaID = "mediaId"
        case jobID = "jobId"
        case userID = "userId"
        case kind
        case quality
        case index
        case fileExtension = "ext"

        /// Those that tell nothing apart within a job.
        static let ofJobs: Set = [mediaID, jobID, userID, kind]
    }

    enum Part: Sendable, Hashable, ExpressibleByStringLiteral {
        case text(String)
        case value(Placeholder)

        static let mediaID = Part.value(.mediaID)
        static let quality = Part.value(.quality)
        static let index = Part.value(.index)
        static let fileExtension = Part.value(.fileExtension)

        init(stringLiteral text: String) { self = .text(text) }

        var description: String {
            switch self {
            case .text(let text): text
            case .value(let placeholder): "{\(placeholder.rawValue)}"
            }
        }
    }

    package let description: String
    let parts: [Part]

    static var format: SettingFormat<Self> {
        SettingFormat(
            type: "template",
            text: \.description,
            parse: { (text) throws(SettingsReader.ParseFailure) in try Self(text) }
        )
    }

    /// Of an object that each job has one of; nil, written `off`, for none.
    static var perJobOrOff: SettingFormat<Self?> {
        let off = "off"
        return SettingFormat(
            type: "template",
            range: "or `\(off)`",
            text: { $0?.description ?? off },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                if text.utf8.elementsEqual(off.utf8) { return nil }
                let template = try Self(text)
                for case .value(let placeholder) in template.parts where !Placeholder.ofJobs.contains(placeholder) {
                    throw .init(message: "a job has one result index, so it cannot have {\(placeholder.rawValue)}")
                }
                return template
            }
        )
    }

    /// A template of ours, which has a part that no two jobs share.
    init(_ parts: Part...) {
        description = parts.map(\.description).joined()
        self.parts = parts
    }

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

    /// The bytes that every key begins with.
    package var fixedStart: [UInt8] {
        var start: [UInt8] = []
        for part in parts {
            guard case .text(let text) = part else { break }
            start += Array(text.utf8)
        }
        return start
    }

    /// The key for one output.
    ///
    /// - Throws: ``ObjectKeyError`` when the values make no key. Whether a store can hold it, the store says.
    package func key(
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
            case .value(.kind): key += ticket.kind.rawValue
            case .value(.quality): key += quality
            case .value(.index): key += String(index)
            case .value(.fileExtension): key += fileExtension
            }
        }
        return try ObjectKey(key)
    }
}
