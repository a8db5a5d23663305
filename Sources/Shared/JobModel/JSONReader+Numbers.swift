/// Numbers.
extension JSONReader {
    /// An integer if it is one, however it is written; then the nearest 64-bit floating-point number.
    mutating func number() throws(Failure) -> JSONValue {
        let start = position
        let literal = try digitsOfNumber()
        let isWhole = !literal.hasExponent && !literal.hasFraction
        if isWhole {
            let text = String(decoding: bytes[start..<position], as: UTF8.self)
            if let integer = Int64(text) { return .integer(integer) }
            if let unsigned = UInt64(text) { return .unsigned(unsigned) }
        }
        let double = try double(start..<position)
        if !isWhole {
            if let integer = Int64(exactly: double) { return .integer(integer) }
            if let unsigned = UInt64(exactly: double) { return .unsigned(unsigned) }
        }
        return .double(double)
    }

    func double(_ range: Range<Int>) throws(Failure) -> Double {
        guard let double = Double(String(decoding: bytes[range], as: UTF8.self)), double.isFinite else {
            throw Failure(reason: "a number is out of range", offset: range.lowerBound)
        }
        return double
    }

    mutating func digitsOfNumber() throws(Failure) -> (hasFraction: Bool, hasExponent: Bool) {
        _ = pass("-")
        if !pass("0") { try digits() }
        var literal = (hasFraction: false, hasExponent: false)
        if pass(".") {
            literal.hasFraction = true
            try digits()
        }
        if pass("e") || pass("E") {
            literal.hasExponent = true
            if !pass("+") { _ = pass("-") }
            try digits()
        }
        return literal
    }

    /// At least one.
    private mutating func digits() throws(Failure) {
        let start = position
        while let next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) { position += 1 }
        if position == start { throw unexpected(instead: "a digit") }
    }
}
