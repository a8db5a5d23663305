/// One element of an XML document, with all beneath it.
struct XMLElement: Sendable, Hashable {
    /// Without the prefix of a namespace.
    var name: [UInt8]
    /// The element's own text, with its entities resolved.
    var text: [UInt8] = []
    var children: [XMLElement] = []

    func isNamed(_ name: String) -> Bool { self.name.elementsEqual(name.utf8) }

    /// The first child of a name.
    subscript(name: String) -> XMLElement? { children.first { $0.isNamed(name) } }

    func children(_ name: String) -> [XMLElement] { children.filter { $0.isNamed(name) } }

    /// nil when the text is not UTF-8.
    var string: String? { String(validating: text, as: UTF8.self) }

    /// A number of digits alone.
    var integer: Int64? { string.flatMap { Int64($0) } }
}

/// Reads the few XML documents that stores answer with (XML 1.0 without document types). Pure.
///
/// A document is remote, so everything is bounded: its bytes by whoever reads it, its depth and its elements here.
/// There are no entities but the five of XML and numbers of characters, so nothing expands; a document with a document
/// type is refused.
struct XMLDocument {
    enum Problem: Error, Hashable {
        /// It ends in the middle, or has something where nothing of that kind may stand.
        case malformed
        case documentType
        case unknownEntity
        case tooDeep
        case tooManyElements
    }

    static let maximumDepth = 16
    static let maximumElements = 100_000

    private let bytes: [UInt8]
    private var position = 0
    private var elements = 0
    /// Open elements, from the outside in.
    private var open: [XMLElement] = []
    private var root: XMLElement?

    /// - Returns: the root element.
    static func root(of bytes: [UInt8]) throws(Problem) -> XMLElement {
        var document = XMLDocument(bytes)
        return try document.read()
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    private mutating func read() throws(Problem) -> XMLElement {
        // A store that takes its time may send white space before the document.
        if starts(with: [0xEF, 0xBB, 0xBF]) { position += 3 }
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "<") { try readMarkup() } else { try readText() }
        }
        guard open.isEmpty, let root else { throw .malformed }
        return root
    }

    private mutating func readMarkup() throws(Problem) {
        if starts(with: "<!--".utf8) {
            try skip(past: "-->")
        } else if starts(with: "<?".utf8) {
            try skip(past: "?>")
        } else if starts(with: "<![CDATA[".utf8) {
            position += 9
            let start = position
            try skip(past: "]]>")
            try append(bytes[start..<position - 3])
        } else if starts(with: "<!".utf8) {
            throw .documentType
        } else if starts(with: "</".utf8) {
            position += 2
            let name = try readName()
            skipSpace()
            try expect(UInt8(ascii: ">"))
            guard let element = open.popLast(), element.name == Self.local(name) else { throw .malformed }
            close(element)
        } else {
            try readStart()
        }
    }

    private mutating func readStart() throws(Problem) {
        position += 1
        let element = XMLElement(name: Self.local(try readName()))
        elements += 1
        guard elements <= Self.maximumElements else { throw .tooManyElements }
        // Only one element stands outside of all.
        guard !open.isEmpty || root == nil else { throw .malformed }
        while true {
            skipSpace()
            if starts(with: "/>".utf8) {
                position += 2
                return close(element)
            }
            if peek == UInt8(ascii: ">") {
                position += 1
                guard open.count < Self.maximumDepth else { throw .tooDeep }
                return open.append(element)
            }
            try skipAttribute()
        }
    }

    private mutating func skipAttribute() throws(Problem) {
        _ = try readName()
        skipSpace()
        try expect(UInt8(ascii: "="))
        skipSpace()
        guard let quote = peek, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { throw .malformed }
        position += 1
        guard let end = bytes[position...].firstIndex(of: quote) else { throw .malformed }
        position = end + 1
    }

    private mutating func close(_ element: XMLElement) {
        if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
    }

    private mutating func readText() throws(Problem) {
        let end = bytes[position...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
        var piece: [UInt8] = []
        while position < end {
            if bytes[position] == UInt8(ascii: "&") {
                piece += try readEntity(before: end)
            } else {
                piece.append(bytes[position])
                position += 1
            }
        }
        try append(piece[...])
    }

    private mutating func append(_ text: ArraySlice<UInt8>) throws(Problem) {
        guard open.isEmpty else {
            open[open.count - 1].text += text
            return
        }
        guard text.allSatisfy(Self.isSpace) else { throw .malformed }
    }

    private mutating func readEntity(before end: Int) throws(Problem) -> [UInt8] {
        // The longest is a number such as `&#x10FFFF;`.
        guard let semicolon = bytes[position..<min(end, position + 12)].firstIndex(of: UInt8(ascii: ";")) else {
            throw .malformed
        }
        let name = bytes[(position + 1)..<semicolon]
        position = semicolon + 1
        if name.first == UInt8(ascii: "#") {
            let isHexadecimal = name.dropFirst().first.map { $0 | 0x20 } == UInt8(ascii: "x")
            let digits = String(decoding: name.dropFirst(isHexadecimal ? 2 : 1), as: UTF8.self)
            guard let scalar = UInt32(digits, radix: isHexadecimal ? 16 : 10).flatMap(Unicode.Scalar.init) else {
                throw .unknownEntity
            }
            return Array(String(scalar).utf8)
        }
        let known = [("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'")]
        guard let found = known.first(where: { name.elementsEqual($0.0.utf8) }) else { throw .unknownEntity }
        return Array(found.1.utf8)
    }

    // MARK: - Bytes

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func starts(with text: some Collection<UInt8>) -> Bool { bytes[position...].starts(with: text) }

    private mutating func expect(_ byte: UInt8) throws(Problem) {
        guard peek == byte else { throw .malformed }
        position += 1
    }

    private mutating func skipSpace() { while let byte = peek, Self.isSpace(byte) { position += 1 } }

    private mutating func skip(past end: String) throws(Problem) {
        let end = Array(end.utf8)
        while position < bytes.count {
            if starts(with: end) {
                position += end.count
                return
            }
            position += 1
        }
        throw .malformed
    }

    private mutating func readName() throws(Problem) -> ArraySlice<UInt8> {
        let start = position
        while let byte = peek, !Self.isSpace(byte), !"/>=<".utf8.contains(byte) { position += 1 }
        guard position > start else { throw .malformed }
        return bytes[start..<position]
    }

    private static func local(_ name: ArraySlice<UInt8>) -> [UInt8] {
        Array(name.lastIndex(of: UInt8(ascii: ":")).map { name[($0 + 1)...] } ?? name)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
