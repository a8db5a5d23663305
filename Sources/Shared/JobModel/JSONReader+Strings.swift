/// Strings and their escapes.
extension JSONReader {
    /// From quote to quote.
    mutating func string() throws(Failure) -> Token {
        let start = position
        position += 1
        var token = Token(range: position..<position, hasEscapes: false)
        var isASCII = true
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                token.range = token.range.lowerBound..<position
                position += 1
                guard isASCII || String(validating: bytes[token.range], as: UTF8.self) != nil else {
                    throw Failure(reason: "a string is not UTF-8", offset: start)
                }
                return token
            case UInt8(ascii: "\\"):
                token.hasEscapes = true
                position += 1
                _ = try escaped()
            case 0..<0x20: throw failure("a control character is not escaped")
            default:
                if byte >= 0x80 { isASCII = false }
                position += 1
            }
        }
        throw Failure(reason: "a string has no end", offset: start)
    }

    /// The text of a well-formed string.
    func text(_ token: Token) -> ByteText {
        guard token.hasEscapes else { return ByteText(String(decoding: bytes[token.range], as: UTF8.self)) }
        var unescaped: [UInt8] = []
        unescaped.reserveCapacity(token.range.count)
        var reader = self
        reader.position = token.range.lowerBound
        while reader.position < token.range.upperBound {
            let byte = bytes[reader.position]
            reader.position += 1
            // The escapes were looked at when the string was passed.
            if byte == UInt8(ascii: "\\"), let scalar = try? reader.escaped() {
                unescaped += String(scalar).utf8
            } else {
                unescaped.append(byte)
            }
        }
        return ByteText(String(decoding: unescaped, as: UTF8.self))
    }

    /// Reads the rest of an escape, after the backslash.
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
