internal import FoundationEssentials
internal import JobModel

/// JSON as all our answers write it.
enum JSONText {
    /// Text of jobs may hold marks that turn the direction of a line around, or end it. They are escaped, so that a
    /// person who looks at the document sees them.
    static func encode(_ value: some Encodable, isPretty: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return escapingUnshown([UInt8](try encoder.encode(value)))
    }

    /// Such characters stand in strings alone, where the UTF-16 code units of each say the same.
    private static func escapingUnshown(_ json: [UInt8]) -> [UInt8] {
        if json.allSatisfy({ $0 < 0x7F }) { return json }
        var escaped: [UInt8] = []
        escaped.reserveCapacity(json.count)
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            if scalar.value < 0x7F || scalar.isShown {
                escaped += String(scalar).utf8
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                escaped += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            }
        }
        return escaped
    }

    static func decode<T: Decodable>(_ type: T.Type, from bytes: some Sequence<UInt8>) throws -> T {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
