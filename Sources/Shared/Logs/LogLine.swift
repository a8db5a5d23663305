internal import FoundationEssentials
internal import JobModel
internal import Settings

/// One line of the log, before it is written. Pure.
///
/// Text of a message, a name or an id neither begins a line nor forges a field, and is bounded.
struct LogLine: Sendable {
    /// In bytes.
    static let (maximumMessage, maximumField) = (16_384, 8192)

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
        var line = "\(Timestamp.string(time)) \(level)\(padding) \(process.shown): "
        line += message.clipped(toBytes: Self.maximumMessage).shown
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(Self.quoted(value.clipped(toBytes: Self.maximumField)))"
        }
        return line
    }

    /// One flat object. A field of the name of a fixed key gets an underscore.
    private var json: String {
        let fixed: [String: Value] = [
            "time": .text(Timestamp.string(time)), "level": .text(level), "process": .text(process),
            "message": .text(message.clipped(toBytes: Self.maximumMessage)),
        ]
        let object = fields.reduce(into: fixed) { object, field in
            let value = field.value.clipped(toBytes: Self.maximumField)
            object[fixed[field.key] == nil ? field.key : field.key + "_"] = Value(value, of: field.key)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(object) else { return "{}" }
        return Self.escapingUnseen(String(decoding: bytes, as: UTF8.self))
    }

    /// A field's value in JSON.
    private enum Value: Encodable {
        case text(String)
        case integer(Int64)
        case number(Double)

        /// - Parameter key: tells whether the value is a number; one that is none all the same stays text.
        init(_ value: String, of key: String) {
            guard LogKey.isNumber(key), value.utf8.allSatisfy({ (0x2B...0x39).contains($0) || $0 | 0x20 == 0x65 })
            else {
                self = .text(value)
                return
            }
            if let integer = Int64(value) {
                self = .integer(integer)
            } else if let number = Double(value), number.isFinite {
                self = .number(number)
            } else {
                self = .text(value)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            }
        }
    }

    /// The encoder leaves all but C0 controls as they are; some readers take U+0085, U+2028 or U+2029 for ends of
    /// lines.
    private static func escapingUnseen(_ json: String) -> String {
        if json.utf8.allSatisfy({ $0 < 0x7F }) { return json }
        var escaped = String.UnicodeScalarView()
        for scalar in json.unicodeScalars {
            if scalar.isShown {
                escaped.append(scalar)
                continue
            }
            for unit in UTF16.encode(scalar) ?? .init(repeating: 0xFFFD, count: 1) {
                let digits = String(unit, radix: 16)
                let zeros = String(repeating: "0", count: 4 - digits.utf8.count)
                escaped.append(contentsOf: "\\u\(zeros)\(digits)".unicodeScalars)
            }
        }
        return String(escaped)
    }

    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 < 0x7F }
        return plain && !text.isEmpty ? text : text.shownInQuotes
    }
}
