/// One JSON value with the bytes that it was written with. It is known to be well formed.
///
/// Unknown fields travel like this: if they were read and written anew, a number could become longer (`1e19`) or lose
/// digits, and a message would grow at every stage.
public struct RawJSON: Sendable, Hashable {
    /// UTF-8, without space around it. Shares the memory of the message that it came in.
    public let bytes: ArraySlice<UInt8>

    /// Takes well-formed JSON as it is.
    init(wellFormed bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// - Throws: ``MessageError`` with code `notJSON`.
    public init(parsing bytes: some Sequence<UInt8>) throws(MessageError) {
        let text = Array(bytes)[...]
        do throws(JSONReader.Failure) {
            self.bytes = text[try JSONReader.check(text)]
        } catch {
            throw MessageError(code: .notJSON, message: "the message is not JSON: \(error)")
        }
    }

    /// The shortest spelling of a value.
    public init(_ value: JSONValue) {
        var writer = JSONWriter()
        writer.write(value)
        bytes = writer.bytes[...]
    }

    /// Two texts of one value are equal when they are spelled alike.
    public static func == (left: RawJSON, right: RawJSON) -> Bool { left.bytes.elementsEqual(right.bytes) }

    /// Length in bytes.
    public var count: Int { bytes.count }

    /// The value, with all that is in it.
    public var value: JSONValue { (try? JSONReader.value(of: Array(bytes))) ?? .null }

    private var first: UInt8? { bytes.first }

    public var isNull: Bool { first == UInt8(ascii: "n") }

    /// A scalar's value; an object or an array is not read for that.
    private var scalar: JSONValue { isNested ? .null : value }

    public var stringValue: String? { first == UInt8(ascii: "\"") ? value.stringValue : nil }
    public var textValue: ByteText? { stringValue.map { ByteText($0) } }
    public var boolValue: Bool? { scalar.boolValue }
    public var doubleValue: Double? { scalar.doubleValue }
    /// As ``JSONValue/clampedInteger``.
    public var clampedInteger: Int64? { scalar.clampedInteger }

    /// Whether it is an object or an array.
    public var isNested: Bool { first == UInt8(ascii: "{") || first == UInt8(ascii: "[") }

    /// nil when it is no object.
    public var objectValue: JSONFields? { first == UInt8(ascii: "{") ? JSONFields(wellFormed: bytes) : nil }

    /// nil when it is no array, or has more elements than `limit`.
    public func elements(atMost limit: Int = .max) -> [RawJSON]? {
        guard first == UInt8(ascii: "["), let ranges = try? JSONReader.elements(bytes, atMost: limit) else {
            return nil
        }
        return ranges.map {
            RawJSON(wellFormed: bytes[bytes.startIndex + $0.lowerBound..<bytes.startIndex + $0.upperBound])
        }
    }

    /// The name of this value's JSON type, for error messages.
    public var typeName: String {
        switch first {
        case UInt8(ascii: "{"): "an object"
        case UInt8(ascii: "["): "an array"
        default: scalar.typeName
        }
    }
}

extension RawJSON {
    public static func string(_ value: String) -> RawJSON { RawJSON(.string(value)) }
    public static func integer(_ value: Int64) -> RawJSON { RawJSON(.integer(value)) }
    public static func double(_ value: Double) -> RawJSON { RawJSON(.double(value)) }
    public static func bool(_ value: Bool) -> RawJSON { RawJSON(.bool(value)) }

    public static func object(_ fields: JSONFields) -> RawJSON { RawJSON(wellFormed: fields.serialized()[...]) }

    public static func array(_ elements: [JSONFields]) -> RawJSON {
        var writer = JSONWriter()
        writer.array(elements) { writer, fields in writer.write(fields) }
        return RawJSON(wellFormed: writer.bytes[...])
    }
}

extension RawJSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(arrayLiteral elements: RawJSON...) { self.init(.array(elements.map(\.value))) }
    public init(dictionaryLiteral elements: (ByteText, RawJSON)...) {
        var fields = JSONFields()
        for (name, value) in elements { fields[name] = value }
        self = .object(fields)
    }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}
