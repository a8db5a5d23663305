/// Writes JSON as UTF-8. A string takes its shortest spelling, so that text that is read and written again never grows.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .unsigned(let value): bytes += String(value).utf8
        case .double(let value): write(value)
        case .string(let value): write(value)
        case .array(let values): array(values) { $0.write($1) }
        case .object(let fields):
            object(fields.sorted { $0.key < $1.key }) { writer, field in
                writer.write(field.key.string)
                writer.bytes.append(UInt8(ascii: ":"))
                writer.write(field.value)
            }
        }
    }

    mutating func write(_ fields: JSONFields) {
        object(fields.fields) { writer, field in
            writer.write(field.name.string)
            writer.bytes.append(UInt8(ascii: ":"))
            writer.bytes += field.value.bytes
        }
    }

    mutating func array<T>(_ elements: [T], _ write: (inout JSONWriter, T) -> Void) {
        list(elements, "[", "]", write)
    }

    private mutating func object<T>(_ members: [T], _ write: (inout JSONWriter, T) -> Void) {
        list(members, "{", "}", write)
    }

    private mutating func list<T>(
        _ elements: [T],
        _ open: Unicode.Scalar,
        _ close: Unicode.Scalar,
        _ write: (inout JSONWriter, T) -> Void
    ) {
        bytes.append(UInt8(ascii: open))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            write(&self, element)
        }
        bytes.append(UInt8(ascii: close))
    }

    /// JSON has no spelling for infinity and not-a-number; they are written as strings.
    private mutating func write(_ value: Double) {
        guard value.isFinite else { return write(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity") }
        let text = value.description
        bytes += text.hasSuffix(".0") ? text.utf8.dropLast(2) : text.utf8[...]
    }

    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes += #"\""#.utf8
            case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
            case 0x08: bytes += #"\b"#.utf8
            case 0x09: bytes += #"\t"#.utf8
            case 0x0A: bytes += #"\n"#.utf8
            case 0x0C: bytes += #"\f"#.utf8
            case 0x0D: bytes += #"\r"#.utf8
            case 0..<0x20:
                bytes += #"\u00"#.utf8
                bytes.append(UInt8(ascii: byte < 0x10 ? "0" : "1"))
                bytes.append(Self.digits[Int(byte & 0xF)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
