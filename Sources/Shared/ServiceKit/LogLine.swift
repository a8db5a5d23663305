internal import FoundationEssentials
internal import JobModel

/// One line of the log, before it is written. Pure.
struct LogLine: Sendable {
    var time: Date
    /// As swift-log names it.
    var level: String
    /// The process that it is about, such as `process.video.1`.
    var process: String
    var message: String
    var fields: [String: String]

    /// With the line feed.
    func rendered(as format: Settings.LogFormat) -> String {
        switch format {
        case .text: text + "\n"
        case .json: json + "\n"
        }
    }

    private var text: String {
        let padding = String(repeating: " ", count: max(0, 8 - level.count))
        var line = "\(Timestamp.string(time)) \(level)\(padding) \(process): \(Self.oneLine(message))"
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.quoted(value))" }
        return line
    }

    /// One flat object. A field of the name of a fixed key gets an underscore.
    private var json: String {
        let fixed = ["time": Timestamp.string(time), "level": level, "process": process, "message": message]
        let object = fields.reduce(into: fixed) { object, field in
            object[fixed[field.key] == nil ? field.key : field.key + "_"] = field.value
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(object) else { return "{}" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What a message or file name brings along cannot begin a line of its own.
    private static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return text }
        return text.unicodeScalars.map {
            switch $0 {
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default: $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0)
            }
        }.joined()
    }

    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 < 0x7F }
        if plain, !text.isEmpty { return text }
        return "\"" + oneLine(text).split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"")
            + "\""
    }
}
