/// Header fields in order. Names and values are bytes; a name means the same in capital and small letters of ASCII.
package struct WebHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    package struct Field: Sendable, Hashable {
        package var name: [UInt8]
        /// Without white space at its ends.
        package var value: [UInt8]

        package init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    package private(set) var fields: [Field] = []

    package init() {}

    package init(dictionaryLiteral fields: (String, String)...) {
        for (name, value) in fields { add(name, value) }
    }

    package mutating func add(_ field: Field) { fields.append(field) }

    package mutating func add(_ name: String, _ value: String) {
        add(Field(name: Array(name.utf8), value: Array(value.utf8)))
    }

    /// The value of the first field with the name.
    package subscript(name: String) -> [UInt8]? {
        fields.first { Self.isSame($0.name, name.utf8) }?.value
    }

    /// The values of all fields with the name.
    package func values(_ name: String) -> [[UInt8]] {
        fields.filter { Self.isSame($0.name, name.utf8) }.map(\.value)
    }

    /// Adds a folded line (RFC 9112, 5.2) to the value of the last field.
    mutating func fold(_ line: [UInt8]) {
        guard !fields.isEmpty else { return }
        fields[fields.count - 1].value += [UInt8(ascii: " ")] + line
    }

    private static func isSame(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
        left.lazy.map(lowercased).elementsEqual(right.lazy.map(lowercased))
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
