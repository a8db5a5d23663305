/// Text that somebody else chose: a job's id, a key, a path, a field's name. It is compared, hashed and ordered by the
/// bytes of its UTF-8.
///
/// `String` takes two texts for equal that differ only in how letters and accents are composed. The ledger, the kernel
/// and object stores do not, so two jobs, files or objects would be taken for one. `String` also normalises to compare,
/// which sorts combining marks by insertion: a hundred thousand of them in one text take minutes to hash. This type
/// does neither.
package struct ByteText: Sendable {
    package let string: String

    package init(_ string: String) {
        var string = string
        string.makeContiguousUTF8()
        self.string = string
    }

    /// - Returns: nil when the bytes are not UTF-8.
    package init?(utf8 bytes: some Sequence<UInt8>) {
        guard let string = String(validating: bytes, as: UTF8.self) else { return nil }
        self.init(string)
    }

    package var utf8: String.UTF8View { string.utf8 }
    package var isEmpty: Bool { string.utf8.isEmpty }

    /// Length in bytes.
    package var count: Int { string.utf8.count }

    private func withBytes<T>(_ body: (UnsafeBufferPointer<UInt8>) -> T) -> T {
        // Always there: the text was made contiguous.
        string.utf8.withContiguousStorageIfAvailable(body) ?? Array(string.utf8).withUnsafeBufferPointer(body)
    }
}

extension ByteText: Hashable, Comparable {
    package static func == (left: ByteText, right: ByteText) -> Bool {
        left.withBytes { left in right.withBytes { right in left.elementsEqual(right) } }
    }

    package static func < (left: ByteText, right: ByteText) -> Bool {
        left.withBytes { left in right.withBytes { right in left.lexicographicallyPrecedes(right) } }
    }

    package func hash(into hasher: inout Hasher) {
        withBytes { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // No byte of UTF-8, so that two texts in a row differ from two others that are cut elsewhere.
        hasher.combine(0xFF as UInt8)
    }
}

extension RawRepresentable where Self: CaseIterable, RawValue == String {
    /// The value of this name, compared by bytes. `init(rawValue:)` compares as `String` does, which takes minutes for
    /// a name that somebody made for that.
    package init?(named name: ByteText) {
        guard let value = Self.allCases.first(where: { ByteText($0.rawValue) == name }) else { return nil }
        self = value
    }
}

extension ByteText: CodingKeyRepresentable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package var codingKey: any CodingKey { Key(string) }
    package init?(codingKey: some CodingKey) { self.init(codingKey.stringValue) }
}

extension ByteText: ExpressibleByStringInterpolation, CustomStringConvertible, Codable {
    package init(stringLiteral value: String) { self.init(value) }

    package var description: String { string }

    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(string)
    }
}
