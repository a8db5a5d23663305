/// One JSON value with the bytes that it was written with. It is known to be well formed.
///
/// Unknown fields travel like this: if they were read and written anew, a number could become longer (`1e19`) or lose
/// digits, and a message would grow at every stage.
package struct RawJSON: Sendable, Hashable {
    /// UTF-8, without space around it. Shares the memory of the message that it came in.
    package let bytes: ArraySlice<UInt8>

    /// Takes well-formed JSON as it is.
    init(wellFormed bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// - Throws: ``MessageError`` with code `notJSON`.
    package init(parsing bytes: some Sequence<UInt8>) throws(MessageError) {
        let text = Array(bytes)[...]
        do throws(JSONReader.Failure) {
            self.bytes = text[try JSONReader.check(text)]
        } catch {
            throw MessageError(code: .notJSON, message: "the message is not JSON: \(error)")
        }
    }

    /// The shortest spelling of a value.
    package init(_ value: JSONValue) {
        var writer = JSONWriter()
        writer.write(value)
        bytes = writer.bytes[...]
    }

    /// Two texts of one value are equal when they are spelled alike.
    package static func == (left: RawJSON, right: RawJSON) -> Bool { left.bytes.elementsEqual(right.bytes) }

    /// Length in bytes.
    package var count: Int { bytes.count }

    /// The value, with all that is in it.
    package var value: JSONValue { (try? JSONReader.value(of: Array(bytes))) ?? .null }

    private var first: UInt8? { bytes.first }

    package var isNull: Bool { first == UInt8(ascii: "n") }

    /// A scalar's value; an object or an array is not read for that.
    private var scalar: JSONValue { isNested ? .null : value }

    package var stringValue: String? { first == UInt8(ascii: "\"") ? value.stringValue : nil }
    package var textValue: ByteText? { stringValue.map { ByteText($0) } }
    package var boolValue: Bool? { scalar.boolValue }
    package var doubleValue: Double? { scalar.doubleValue }
    /// As ``JSONValue/clampedInteger``.
    package var clampedInteger: Int64? { scalar.clampedInteger }

    /// Whether it is an object or an array.
    package var isNested: Bool { first == UInt8(ascii: "{") || first == UInt8(ascii: "[") }

    /// nil when it is no object.
    package var objectValue: JSONFields? { first == UInt8(ascii: "{") ? JSONFields(wellFormed: bytes) : nil }

    /// nil when it is no array, or has more elements than `limit`.
    package func elements(atMost limit: Int = .max) -> [RawJSON]? {
        guard first == UInt8(ascii: "["), let ranges = try? JSONReader.elements(bytes, atMost: limit) else {
            return nil
        }
        return ranges.map {
            RawJSON(wellFormed: bytes[bytes.startIndex + $0.lowerBound..<bytes.startIndex + $0.upperBound])
        }
    }

    /// The name of this value's JSON type, for error messages.
    package var typeName: String {
        switch first {
        case UInt8(ascii: "{"): "an object"
        case UInt8(ascii: "["): "an array"
        default: scalar.typeName
        }
    }
}

extension RawJSON {
    package static func string(_ value: String) -> RawJSON { RawJSON(.string(value)) }
    package static func integer(_ value: Int64) -> RawJSON { RawJSON(.integer(value)) }
    package static func double(_ value: Double) -> RawJSON { RawJSON(.double(value)) }
    package static func bool(_ value: Bool) -> RawJSON { RawJSON(.bool(value)) }

    package static func object(_ fields: JSONFields) -> RawJSON { RawJSON(wellFormed: fields.serialized()[...]) }

    package static func array(_ elements: [JSONFields]) -> RawJSON {
        var writer = JSONWriter()
        writer.array(elements) { writer, fields in writer.write(fields) }
        return RawJSON(wellFormed: writer.bytes[...])
    }
}

extension RawJSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(arrayLiteral elements: RawJSON...) { self.init(.array(elements.map(\.value))) }
    package init(dictionaryLiteral elements: (ByteText, RawJSON)...) {
        var fields = JSONFields()
        for (name, value) in elements { fields[name] = value }
        self = .object(fields)
    }
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}
