/// Takes the fields of a JSON object out one by one, with errors that name the field and the mistake. Fields that
/// nobody took are left in ``rest``, to be carried along. `null` counts as absent, as producers in JavaScript mean it.
struct FieldReader {
    private let fields: [JSONFields.Field]
    private var isTaken: [Bool]
    /// Put before a field's name in messages, such as `outputs[2].`.
    private let prefix: String
    var jobID: ByteText?

    init(_ object: JSONFields, prefix: String = "", jobID: ByteText? = nil) {
        fields = object.fields
        isTaken = Array(repeating: false, count: fields.count)
        self.prefix = prefix
        self.jobID = jobID
    }

    /// In their order.
    var rest: JSONFields {
        var rest = JSONFields()
        for (field, isTaken) in zip(fields, isTaken) where !isTaken { rest.append(field) }
        return rest
    }

    mutating func string(_ name: ByteText) throws(MessageError) -> String? {
        try take(name, "a string") { $0.stringValue }
    }

    mutating func text(_ name: ByteText) throws(MessageError) -> ByteText? {
        try take(name, "a string") { $0.textValue }
    }

    mutating func integer(_ name: ByteText) throws(MessageError) -> Int64? {
        try take(name, "a number") { $0.clampedInteger }
    }

    mutating func double(_ name: ByteText) throws(MessageError) -> Double? {
        try take(name, "a number") { $0.doubleValue }
    }

    mutating func bool(_ name: ByteText) throws(MessageError) -> Bool? {
        try take(name, "a boolean") { $0.boolValue }
    }

    mutating func object(_ name: ByteText) throws(MessageError) -> JSONFields? {
        try take(name, "an object") { $0.objectValue }
    }

    /// Objects only, at most `limit`.
    mutating func objects(_ name: ByteText, atMost limit: Int) throws(MessageError) -> [JSONFields]? {
        guard let array = try take(name, "an array", { $0.typeName == "an array" ? $0 : nil }) else { return nil }
        guard let elements = array.elements(atMost: limit) else {
            throw error(.tooLarge, "the field `\(prefix)\(name)` has more than \(limit) entries")
        }
        var objects: [JSONFields] = []
        objects.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard let object = element.objectValue else {
                throw error(.wrongType, "`\(prefix)\(name)[\(index)]` must be an object, not \(element.typeName)")
            }
            objects.append(object)
        }
        return objects
    }

    mutating func required(_ name: ByteText, atMost bytes: Int? = nil) throws(MessageError) -> ByteText {
        guard let value = try text(name) else {
            throw error(.missingField, "the field `\(prefix)\(name)` is missing")
        }
        if value.isEmpty { throw error(.invalidValue, "the field `\(prefix)\(name)` is empty") }
        if let bytes, value.count > bytes {
            throw error(
                .invalidValue,
                "the field `\(prefix)\(name)` has \(value.count) bytes; at most \(bytes) are allowed"
            )
        }
        return value
    }

    /// A string that must be one of an enumeration's raw values.
    mutating func choice<T: RawRepresentable & CaseIterable>(
        _ name: ByteText,
        _ type: T.Type
    ) throws(MessageError) -> T? where T.RawValue == String {
        guard let raw = try text(name) else { return nil }
        guard let value = T(named: raw) else {
            let known = T.allCases.map(\.rawValue).joined(separator: ", ")
            let shown = raw.string.clipped(toBytes: 64)
            throw error(.invalidValue, "the field `\(prefix)\(name)` is `\(shown)`; known are \(known)")
        }
        return value
    }

    /// A field of any type, as it is.
    mutating func any(_ name: ByteText) -> RawJSON? { try? take(name, "a value") { $0 } }

    func error(_ code: MessageError.Code, _ message: String) -> MessageError {
        MessageError(code: code, message: message, jobID: jobID)
    }

    private mutating func take<T>(
        _ name: ByteText,
        _ expected: String,
        _ convert: (RawJSON) -> T?
    ) throws(MessageError) -> T? {
        var found: RawJSON?
        for index in fields.indices where fields[index].name == name {
            isTaken[index] = true
            found = fields[index].value
        }
        guard let found, !found.isNull else { return nil }
        guard let converted = convert(found) else {
            throw error(.wrongType, "the field `\(prefix)\(name)` must be \(expected), not \(found.typeName)")
        }
        return converted
    }
}
