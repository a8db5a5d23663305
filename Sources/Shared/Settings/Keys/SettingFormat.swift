internal import Glibc

/// How the text of a setting is read and written.
package struct SettingFormat<Value: Sendable> {
    /// For the reference page, such as `integer`.
    let type: String
    /// The values there are, for the reference page.
    let range: String
    let parse: (String) throws(SettingsReader.ParseFailure) -> Value
    /// A value as somebody would set it; nil for one that stands for a variable that is not set.
    let text: (Value) -> String?
    /// The same for the reference page.
    let documented: (Value) -> String?

    /// - Parameter parse: its failure's message says what is wrong with the text.
    package init(
        type: String,
        range: String = "",
        text: @escaping (Value) -> String?,
        documented: ((Value) -> String?)? = nil,
        parse: @escaping (String) throws(SettingsReader.ParseFailure) -> Value
    ) {
        self.type = type
        self.range = range
        self.text = text
        self.documented = documented ?? text
        self.parse = parse
    }

    /// A setting that may be missing.
    package static func optional<Wrapped>(_ format: SettingFormat<Wrapped>) -> Self where Value == Wrapped? {
        SettingFormat(
            type: format.type,
            range: format.range,
            text: { $0.flatMap(format.text) },
            documented: { $0.flatMap(format.documented) },
            parse: format.parse
        )
    }
}

// MARK: - Numbers

extension SettingFormat where Value: FixedWidthInteger {
    /// - Parameter zero: the meaning of 0, when 0 is none of the numbers.
    package static func integer(_ range: ClosedRange<Value>, zero: String? = nil) -> Self {
        SettingFormat(
            type: "integer",
            range: Self.words(String(range.lowerBound), Self.shortened(range.upperBound), zero),
            text: { String($0) },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                guard let number = Int64(text) else { throw .init(message: "`\(text)` is no whole number") }
                guard let value = Value(exactly: number), range.contains(value) else {
                    throw .init(message: "\(number) is outside \(range.lowerBound) to \(range.upperBound)")
                }
                return value
            }
        )
    }

    /// `2^62` for a large power of two.
    private static func shortened(_ number: Value) -> String {
        number.nonzeroBitCount == 1 && number.trailingZeroBitCount > 30
            ? "2^\(number.trailingZeroBitCount)" : String(number)
    }
}

extension SettingFormat where Value == Double {
    /// - Parameter zero: the meaning of 0, when 0 is none of the numbers.
    package static func number(_ range: ClosedRange<Double>, zero: String? = nil) -> Self {
        func short(_ number: Double) -> String {
            Int64(exactly: number).map { String($0) } ?? String(number)
        }
        return SettingFormat(
            type: "number",
            range: words(short(range.lowerBound), short(range.upperBound), zero),
            text: { String($0) },
            documented: { short($0) },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                guard let number = Double(text), number.isFinite else {
                    throw .init(message: "`\(text)` is no number")
                }
                guard range.contains(number) else {
                    throw .init(message: "\(number) is outside \(range.lowerBound) to \(range.upperBound)")
                }
                return number
            }
        )
    }
}

extension SettingFormat {
    fileprivate static func words(_ lower: String, _ upper: String, _ zero: String?) -> String {
        lower + (zero.map { " (\($0))" } ?? "") + " to " + upper
    }
}

// MARK: - Words

extension SettingFormat where Value == Bool {
    package static var flag: Self {
        SettingFormat(
            type: "boolean",
            text: { String($0) },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                switch text.lowercased() {
                case "true", "yes", "on", "1": return true
                case "false", "no", "off", "0": return false
                default: throw .init(message: "`\(text)` is neither true nor false")
                }
            }
        )
    }
}

extension SettingFormat where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the words of a type, in upper or lower case.
    package static var word: Self {
        let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return SettingFormat(
            type: "word",
            range: known,
            text: \.rawValue,
            parse: { (text) throws(SettingsReader.ParseFailure) in
                guard let found = Value(rawValue: text.lowercased()) else {
                    throw .init(message: "`\(text)` is none of \(known)")
                }
                return found
            }
        )
    }
}

// MARK: - Text

extension SettingFormat where Value == String {
    /// - Parameter check: what is wrong with a text; nil for nothing.
    package static func text(
        type: String = "text",
        range: String = "",
        check: @escaping (String) -> String? = { _ in nil }
    ) -> Self {
        SettingFormat(
            type: type,
            range: range,
            text: { $0 },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                if let problem = check(text) { throw .init(message: problem) }
                return text
            }
        )
    }

    package static var url: Self { text(type: "URL") }

    /// One of some words, written as they are.
    package static func word(of known: [String]) -> Self {
        let list = known.joined(separator: ", ")
        return SettingFormat(
            type: "word",
            range: list,
            text: { $0 },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                guard known.contains(text) else { throw .init(message: "`\(text)` is none of \(list)") }
                return text
            }
        )
    }

    /// A path, which is made absolute by the current directory.
    package static var path: Self {
        SettingFormat(
            type: "path",
            text: { $0 },
            parse: { (text) throws(SettingsReader.ParseFailure) in Path.absolute(text) }
        )
    }
}

/// Paths that a configuration names.
enum Path {
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&buffer, buffer.count) != nil else { return path }
        let current = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return current + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }
}
