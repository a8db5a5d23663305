/// Takes the fields of a JSON object out one by one, with exact words about what does not fit. What nobody took is left in
/// ``rest``, to be carried along. `null` counts as absent, as producers in JavaScript mean it.
struct FieldReader {
    private(set) var rest: [String: JSONValue]
    /// Put before a field's name in messages, such as `outputs[2].`.
    private let prefix: String
    var jobID: String?

    init(_ object: [String: JSONValue], prefix: String = "") {
        rest = object
        self.prefix = prefix
    }

    mutating func string(_ name: String) throws(MessageError) -> String? {
        try take(name, "a string") { $0.stringValue }
    }

    mutating func integer(_ name: String) throws(MessageError) -> Int64? {
        try take(name, "a number") { $0.clampedInteger }
    }

    mutating func double(_ name: String) throws(MessageError) -> Double? {
        try take(name, "a number") { $0.doubleValue }
    }

    mutating func bool(_ name: String) throws(MessageError) -> Bool? {
        try take(name, "a boolean") { $0.boolValue }
    }

    mutating func object(_ name: String) throws(MessageError) -> [String: JSONValue]? {
        try take(name, "an object") { $0.objectValue }
    }

    mutating func array(_ name: String) throws(MessageError) -> [JSONValue]? {
        try take(name, "an array") { $0.arrayValue }
    }

    mutating func required(_ name: String) throws(MessageError) -> String {
        guard let value = try string(name) else {
            throw error(.missingField, "the field `\(prefix)\(name)` is missing")
        }
        if value.isEmpty { throw error(.invalidValue, "the field `\(prefix)\(name)` is empty") }
        return value
    }

    /// A string that must be one of an enumeration's raw values.
    mutating func choice<T: RawRepresentable & CaseIterable>(
        _ name: String,
        _ type: T.Type
    ) throws(MessageError) -> T? where T.RawValue == String {
        guard let raw = try string(name) else { return nil }
        guard let value = T(rawValue: raw) else {
            let known = T.allCases.map(\.rawValue).joined(separator: ", ")
            throw error(.invalidValue, "the field `\(prefix)\(name)` is `\(raw.prefix(64))`; known are \(known)")
        }
        return value
    }

    func error(_ code: MessageError.Code, _ message: String) -> MessageError {
        MessageError(code: code, message: message, jobID: jobID)
    }

    private mutating func take<T>(
        _ name: String,
        _ expected: String,
        _ convert: (JSONValue) -> T?
    ) throws(MessageError) -> T? {
        guard let value = rest.removeValue(forKey: name), value != .null else { return nil }
        guard let converted = convert(value) else {
            throw error(.wrongType, "the field `\(prefix)\(name)` must be \(expected), not \(value.typeName)")
        }
        return converted
    }
}

extension [String: JSONValue] {
    /// Sets the field, or leaves it out when there is no value.
    mutating func set(_ name: String, _ value: String?) { self[name] = value.map { .string($0) } }
    mutating func set(_ name: String, _ value: Int64?) { self[name] = value.map { .integer($0) } }
    mutating func set(_ name: String, _ value: Int?) { self[name] = value.map { .integer(Int64($0)) } }
    mutating func set(_ name: String, _ value: Double?) { self[name] = value.map { .double($0) } }
    mutating func set(_ name: String, _ value: Bool?) { self[name] = value.map { .bool($0) } }
}
