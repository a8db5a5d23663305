/// Reads JSON as RFC 8259 defines it, in a time proportional to the length of the text, whatever is in it.
///
/// Foundation's decoder finds out what a value is by guessing, and each wrong guess builds an error that costs the
/// square of the depth: four kilobytes of brackets and numbers took it twelve seconds. See
/// docs/decisions/0014-reading-json.md.
struct JSONReader {
    /// Objects and arrays within each other.
    static let maximumDepth = 128

    struct Failure: Error, CustomStringConvertible {
        var reason: String
        /// The place of the first wrong byte, counted from 0.
        var offset: Int
        var description: String { "\(reason), at byte \(offset)" }
    }

    /// A string's place in the text, between its quotes. It is known to be well formed.
    struct Token {
        var range: Range<Int>
        var hasEscapes: Bool
    }

    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0
    private var depth = 0

    /// The one value that the text is.
    static func value(of text: [UInt8]) throws(Failure) -> JSONValue {
        try read(text[...]) { reader throws(Failure) in try reader.value() }
    }

    /// Checks that the text is one value.
    ///
    /// - Returns: its place, without the white space around it.
    static func check(_ text: ArraySlice<UInt8>) throws(Failure) -> Range<Int> {
        let range = try read(text) { reader throws(Failure) in
            reader.skipSpace()
            let start = reader.position
            try reader.skipValue()
            return start..<reader.position
        }
        return text.startIndex + range.lowerBound..<text.startIndex + range.upperBound
    }

    /// The fields of an object in their order, each with its value's place in the text.
    ///
    /// - Parameter member: called for each, with the reader before the value; passes the value.
    static func object<T>(
        _ text: ArraySlice<UInt8>,
        _ member: (inout JSONReader, Token) throws(Failure) -> T
    ) throws(Failure) -> [T] {
        try read(text) { reader throws(Failure) in
            var members: [T] = []
            reader.skipSpace()
            guard reader.next == UInt8(ascii: "{") else { throw reader.unexpected(instead: "an object") }
            try reader.object { reader, name throws(Failure) in members.append(try member(&reader, name)) }
            return members
        }
    }

    /// The places of an array's elements in the text.
    ///
    /// - Returns: nil when there are more than `limit`.
    static func elements(_ text: ArraySlice<UInt8>, atMost limit: Int) throws(Failure) -> [Range<Int>]? {
        try read(text) { reader throws(Failure) in
            var elements: [Range<Int>] = []
            var count = 0
            reader.skipSpace()
            guard reader.next == UInt8(ascii: "[") else { throw reader.unexpected(instead: "an array") }
            try reader.array { reader throws(Failure) in
                let range = try reader.skippedValue()
                count += 1
                if count <= limit { elements.append(range) }
            }
            return count <= limit ? elements : nil
        }
    }

    private static func read<T>(
        _ text: ArraySlice<UInt8>,
        _ body: (inout JSONReader) throws(Failure) -> T
    ) throws(Failure) -> T {
        try text.withUnsafeBufferPointer { bytes throws(Failure) in
            var reader = JSONReader(bytes: bytes)
            // Some producers begin with a byte order mark.
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }
            let value = try body(&reader)
            reader.skipSpace()
            if reader.next != nil { throw reader.failure("there is more after the value") }
            return value
        }
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    func failure(_ reason: String) -> Failure { Failure(reason: reason, offset: position) }

    func unexpected(instead of: String) -> Failure {
        guard let next else { return failure("the text ends where \(of) should be") }
        let found = (0x21...0x7E).contains(next) ? "`\(Unicode.Scalar(next))`" : "the byte \(next)"
        return failure("\(found) stands where \(of) should be")
    }

    private mutating func skipSpace() {
        while let next, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 { position += 1 }
    }

    /// Passes `byte` if it comes next.
    mutating func pass(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    // MARK: - Values

    private mutating func value() throws(Failure) -> JSONValue {
        skipSpace()
        guard let next else { throw unexpected(instead: "a value") }
        switch next {
        case UInt8(ascii: "{"):
            // If a field stands twice, the last one counts, as in JavaScript.
            var fields: [ByteText: JSONValue] = [:]
            try object { reader, name throws(Failure) in fields[reader.text(name)] = try reader.value() }
            return .object(fields)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try array { reader throws(Failure) in elements.append(try reader.value()) }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(text(try string()).string)
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw unexpected(instead: "a value")
        }
    }

    /// Passes a value and returns its place.
    mutating func skippedValue() throws(Failure) -> Range<Int> {
        skipSpace()
        let start = position
        try skipValue()
        return start..<position
    }

    private mutating func skipValue() throws(Failure) {
        skipSpace()
        guard let next else { throw unexpected(instead: "a value") }
        switch next {
        case UInt8(ascii: "{"): try object { reader, _ throws(Failure) in try reader.skipValue() }
        case UInt8(ascii: "["): try array { reader throws(Failure) in try reader.skipValue() }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): _ = try word("true", .null)
        case UInt8(ascii: "f"): _ = try word("false", .null)
        case UInt8(ascii: "n"): _ = try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let start = position
            let literal = try digitsOfNumber()
            // Only these can be too large for a floating-point number.
            if literal.hasExponent || position - start > 300 { _ = try double(start..<position) }
        default: throw unexpected(instead: "a value")
        }
    }

    private mutating func enter() throws(Failure) {
        guard depth < Self.maximumDepth else {
            throw failure("more than \(Self.maximumDepth) objects and arrays are within each other")
        }
        depth += 1
        position += 1
    }

    private mutating func object(_ member: (inout JSONReader, Token) throws(Failure) -> Void) throws(Failure) {
        try enter()
        defer { depth -= 1 }
        skipSpace()
        if pass("}") { return }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw unexpected(instead: "a field's name") }
            let name = try string()
            skipSpace()
            guard pass(":") else { throw unexpected(instead: "a colon") }
            try member(&self, name)
            skipSpace()
        } while pass(",")
        guard pass("}") else { throw unexpected(instead: "a comma or the end of an object") }
    }

    private mutating func array(_ element: (inout JSONReader) throws(Failure) -> Void) throws(Failure) {
        try enter()
        defer { depth -= 1 }
        skipSpace()
        if pass("]") { return }
        repeat {
            try element(&self)
            skipSpace()
        } while pass(",")
        guard pass("]") else { throw unexpected(instead: "a comma or the end of an array") }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        let letters = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        for letter in letters {
            guard next == letter else { throw unexpected(instead: "`\(word)`") }
            position += 1
        }
        return value
    }
}
