/// The fields of a JSON object in their order, each value with the bytes it came with. If a field stands twice, the
/// last one counts.
package struct JSONFields: Sendable, Hashable {
    package struct Field: Sendable, Hashable {
        package var name: ByteText
        package var value: RawJSON
    }

    package private(set) var fields: [Field] = []

    package init() {}

    /// The fields of an object that is known to be well formed.
    init(wellFormed text: ArraySlice<UInt8>) {
        let read = try? JSONReader.object(text) { reader, name throws(JSONReader.Failure) in
            let range = try reader.skippedValue()
            let value = text[text.startIndex + range.lowerBound..<text.startIndex + range.upperBound]
            return Field(name: reader.text(name), value: RawJSON(wellFormed: value))
        }
        fields = read ?? []
    }

    /// - Throws: ``MessageError`` with code `notJSON` or `notAnObject`.
    package init(parsing bytes: some Sequence<UInt8>) throws(MessageError) {
        let text = try RawJSON(parsing: bytes)
        guard let fields = text.objectValue else {
            throw MessageError(code: .notAnObject, message: "the message must be a JSON object, not \(text.typeName)")
        }
        self = fields
    }

    package var isEmpty: Bool { fields.isEmpty }

    package subscript(name: ByteText) -> RawJSON? {
        get { fields.last { $0.name == name }?.value }
        set {
            guard let newValue else { return fields.removeAll { $0.name == name } }
            if let index = fields.lastIndex(where: { $0.name == name }) {
                fields[index].value = newValue
            } else {
                fields.append(Field(name: name, value: newValue))
            }
        }
    }

    /// Whether there is such a field with a value. `null` counts as none, as producers in JavaScript mean it.
    func has(_ name: ByteText) -> Bool { self[name].map { !$0.isNull } ?? false }

    package func filter(_ isIncluded: (Field) -> Bool) -> JSONFields {
        var kept = JSONFields()
        kept.fields = fields.filter(isIncluded)
        return kept
    }

    /// Adds fields that have other names than those that are here.
    mutating func append(_ others: JSONFields) { fields += others.fields }

    /// Adds a field whose name is not here yet.
    mutating func append(_ field: Field) { fields.append(field) }

    /// As UTF-8, in their order.
    package func serialized() -> [UInt8] {
        var writer = JSONWriter()
        writer.write(self)
        return writer.bytes
    }

    package var value: JSONValue {
        .object(Dictionary(fields.map { ($0.name, $0.value.value) }) { _, last in last })
    }
}

extension JSONFields: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (ByteText, RawJSON)...) {
        for (name, value) in elements { self[name] = value }
    }
}

extension JSONFields {
    // Each sets the field, or leaves it out when there is no value.
    mutating func set(_ name: ByteText, _ value: String?) { self[name] = value.map { .string($0) } }
    mutating func set(_ name: ByteText, _ value: ByteText?) { self[name] = value.map { .string($0.string) } }
    mutating func set(_ name: ByteText, _ value: Int64?) { self[name] = value.map { .integer($0) } }
    mutating func set(_ name: ByteText, _ value: Int?) { self[name] = value.map { .integer(Int64($0)) } }
    mutating func set(_ name: ByteText, _ value: Double?) { self[name] = value.map { .double($0) } }
    mutating func set(_ name: ByteText, _ value: Bool?) { self[name] = value.map { .bool($0) } }
    mutating func set(_ name: ByteText, _ value: JSONFields?) { self[name] = value.map { .object($0) } }
    mutating func set(_ name: ByteText, _ value: [JSONFields]?) { self[name] = value.map { .array($0) } }
}
