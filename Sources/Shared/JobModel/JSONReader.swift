/// Reads JSON as RFC 8259 has it, in a time that goes with the length of the text whatever is in it.
///
/// Foundation's decoder finds out what a value is by guessing, and each wrong guess builds an error that costs the square of the
/// depth: four kilobytes of brackets and numbers from anybody took it twelve seconds. See docs/decisions/0014-reading-json.md.
struct JSONReader {
    /// Objects and arrays within each other.
    static let maximumDepth = 128

    struct Failure: Error, CustomStringConvertible {
        var reason: String
        /// Of the first byte that is wrong, from 0.
        var offset: Int
        var description: String { "\(reason), at byte \(offset)" }
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0

    /// The one value that the text is.
    static func value(of text: [UInt8]) throws(Failure) -> JSONValue {
        try text.withUnsafeBufferPointer { bytes throws(Failure) in
            var reader = JSONReader(bytes: bytes)
            // Some producers begin with a byte order mark.
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }
            let value = try reader.value()
            reader.skipSpace()
            if reader.next != nil { throw reader.failure("there is more after the value") }
            return value
        }
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func failure(_ reason: String) -> Failure { Failure(reason: reason, offset: position) }

    private func unexpected(instead of: String) -> Failure {
        guard let next else { return failure("the text ends where \(of) should be") }
        let found = (0x21...0x7E).contains(next) ? "`\(Unicode.Scalar(next))`" : "the byte \(next)"
        return failure("\(found) stands where \(of) should be")
    }

    private mutating func skipSpace() {
        while let next, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 { position += 1 }
    }

    /// Passes `byte` if it comes next.
    private mutating func pass(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    // MARK: - Values

    private mutating func value() throws(Failure) -> JSONValue {
        skipSpace()
        guard let next else { throw unexpected(instead: "a value") }
        switch next {
        case UInt8(ascii: "{"): return .object(try nested { reader throws(Failure) in try reader.object() })
        case UInt8(ascii: "["): return .array(try nested { reader throws(Failure) in try reader.array() })
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw unexpected(instead: "a value")
        }
    }

    private mutating func nested<T>(_ body: (inout JSONReader) throws(Failure) -> T) throws(Failure) -> T {
        guard depth < Self.maximumDepth else {
            throw failure("more than \(Self.maximumDepth) objects and arrays are within each other")
        }
        depth += 1
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    /// What follows the bracket, to the end. Of two fields of one name the last counts, as in JavaScript.
    private mutating func object() throws(Failure) -> [String: JSONValue] {
        var fields: [String: JSONValue] = [:]
        skipSpace()
        if pass("}") { return fields }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw unexpected(instead: "a field's name") }
            let name = try string()
            skipSpace()
            guard pass(":") else { throw unexpected(instead: "a colon") }
            fields[name] = try value()
            skipSpace()
        } while pass(",")
        guard pass("}") else { throw unexpected(instead: "a comma or the end of an object") }
        return fields
    }

    private mutating func array() throws(Failure) -> [JSONValue] {
        var elements: [JSONValue] = []
        skipSpace()
        if pass("]") { return elements }
        repeat {
            elements.append(try value())
            skipSpace()
        } while pass(",")
        guard pass("]") else { throw unexpected(instead: "a comma or the end of an array") }
        return elements
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        let letters = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        for letter in letters {
            guard next == letter else { throw unexpected(instead: "`\(word)`") }
            position += 1
        }
        return value
    }

    // MARK: - Numbers

    /// An integer if it is one, however it is written; then the nearest 64-bit floating-point number.
    private mutating func number() throws(Failure) -> JSONValue {
        let start = position
        _ = pass("-")
        if !pass("0") { try digits() }
        var isWhole = true
        if pass(".") {
            isWhole = false
            try digits()
        }
        if pass("e") || pass("E") {
            isWhole = false
            if !pass("+") { _ = pass("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole {
            if let integer = Int64(text) { return .integer(integer) }
            if let unsigned = UInt64(text) { return .unsigned(unsigned) }
        }
        guard let double = Double(text), double.isFinite else {
            throw Failure(reason: "a number is out of range", offset: start)
        }
        if !isWhole {
            if let integer = Int64(exactly: double) { return .integer(integer) }
            if let unsigned = UInt64(exactly: double) { return .unsigned(unsigned) }
        }
        return .double(double)
    }

    /// At least one.
    private mutating func digits() throws(Failure) {
        let start = position
        while let next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) { position += 1 }
        if position == start { throw unexpected(instead: "a digit") }
    }

    // MARK: - Strings

    /// From quote to quote.
    private mutating func string() throws(Failure) -> String {
        let start = position
        position += 1
        var unescaped: [UInt8] = []
        var piece = position
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                let rest = bytes[piece..<position]
                position += 1
                let text =
                    unescaped.isEmpty
                    ? String(validating: rest, as: UTF8.self) : String(validating: unescaped + rest, as: UTF8.self)
                guard let text else { throw Failure(reason: "a string is not UTF-8", offset: start) }
                return text
            case UInt8(ascii: "\\"):
                unescaped += bytes[piece..<position]
                position += 1
                unescaped += String(try escaped()).utf8
                piece = position
            case 0..<0x20: throw failure("a control character is not escaped")
            default: position += 1
            }
        }
        throw Failure(reason: "a string has no end", offset: start)
    }

    /// What follows a backslash.
    private mutating func escaped() throws(Failure) -> Unicode.Scalar {
        guard let byte = next else { throw unexpected(instead: "an escape") }
        let plain: Unicode.Scalar? =
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): Unicode.Scalar(byte)
            case UInt8(ascii: "b"): "\u{8}"
            case UInt8(ascii: "f"): "\u{C}"
            case UInt8(ascii: "n"): "\n"
            case UInt8(ascii: "r"): "\r"
            case UInt8(ascii: "t"): "\t"
            default: nil
            }
        if let plain {
            position += 1
            return plain
        }
        guard pass("u") else { throw unexpected(instead: "an escape") }
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Two UTF-16 surrogates make a character beyond 16 bits.
        guard first < 0xDC00, pass("\\"), pass("u") else { throw failure("half a character is escaped") }
        let second = try codeUnit()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
        else { throw failure("half a character is escaped") }
        return scalar
    }

    /// Four hexadecimal digits.
    private mutating func codeUnit() throws(Failure) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw unexpected(instead: "a hexadecimal digit")
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }
}
