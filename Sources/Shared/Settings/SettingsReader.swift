internal import Configuration

/// Reads settings one by one and remembers what was wrong with each, so that all problems are reported together.
struct SettingsReader {
    private let config: ConfigReader
    private(set) var problems: [SettingsError.Problem] = []
    /// What was read, in the order of reading, as text; secrets are replaced.
    private(set) var effective: [(name: String, value: String)] = []
    /// The values of secret keys.
    private(set) var secrets: [String] = []

    init(_ config: ConfigReader) { self.config = config }

    mutating func text(_ key: SettingKey, default value: String) -> String {
        optionalText(key) ?? note(key, value)
    }

    mutating func optionalText(_ key: SettingKey) -> String? {
        let path = ConfigKey(key.name.lowercased().split(separator: "_").map(String.init))
        // A variable that is set to nothing means the same as one that is not set.
        guard let text = config.string(forKey: path, isSecret: key.isSecret), !text.isEmpty else { return nil }
        if key.isSecret { secrets.append(text) }
        return note(key, text)
    }

    mutating func integer(_ key: SettingKey, default value: Int64, in range: ClosedRange<Int64>) -> Int64 {
        guard let text = optionalText(key) else { return note(key, value) }
        guard let number = Int64(text) else { return fail(key, "`\(text)` is no whole number", value) }
        guard range.contains(number) else {
            return fail(key, "\(number) is outside \(range.lowerBound) to \(range.upperBound)", value)
        }
        return number
    }

    mutating func number(_ key: SettingKey, default value: Double, in range: ClosedRange<Double>) -> Double {
        guard let text = optionalText(key) else { return note(key, value) }
        guard let number = Double(text), number.isFinite else { return fail(key, "`\(text)` is no number", value) }
        guard range.contains(number) else {
            return fail(key, "\(number) is outside \(range.lowerBound) to \(range.upperBound)", value)
        }
        return number
    }

    mutating func flag(_ key: SettingKey, default value: Bool) -> Bool {
        guard let text = optionalText(key) else { return note(key, value) }
        switch text.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        default: return fail(key, "`\(text)` is neither true nor false", value)
        }
    }

    mutating func choice<T: RawRepresentable & CaseIterable>(
        _ key: SettingKey,
        default value: T
    ) -> T where T.RawValue == String {
        guard let text = optionalText(key) else {
            _ = note(key, value.rawValue)
            return value
        }
        guard let found = T(rawValue: text.lowercased()) else {
            let known = T.allCases.map(\.rawValue).joined(separator: ", ")
            return fail(key, "`\(text)` is none of \(known)", value)
        }
        return found
    }

    /// Reads text and converts it; what `convert` throws is the problem's message.
    mutating func parsed<T>(
        _ key: SettingKey,
        default text: String,
        _ convert: (String) throws(ParseFailure) -> T
    ) -> T? {
        converted(self.text(key, default: text), of: key, by: convert)
    }

    /// Reads text that may be missing and converts it; what `convert` throws is the problem's message.
    mutating func optionalParsed<T>(_ key: SettingKey, _ convert: (String) throws(ParseFailure) -> T) -> T? {
        guard let text = optionalText(key) else { return nil }
        return converted(text, of: key, by: convert)
    }

    private mutating func converted<T>(
        _ text: String,
        of key: SettingKey,
        by convert: (String) throws(ParseFailure) -> T
    ) -> T? {
        do {
            return try convert(text)
        } catch {
            problems.append(.init(key: key.name, message: error.message))
            return nil
        }
    }

    struct ParseFailure: Error {
        var message: String
    }

    /// Notes a problem of values that are fine by themselves.
    mutating func refuse(_ key: SettingKey, _ message: String) {
        problems.append(.init(key: key.name, message: message))
    }

    private mutating func fail<T>(_ key: SettingKey, _ message: String, _ value: T) -> T {
        problems.append(.init(key: key.name, message: message))
        return value
    }

    @discardableResult
    private mutating func note<T>(_ key: SettingKey, _ value: T) -> T {
        effective.append((key.name, key.isSecret ? "(secret)" : "\(value)"))
        return value
    }
}
