internal import Text

/// Reads settings one by one and remembers the problem of each, so that all problems are reported together.
package final class SettingsReader {
    /// Why a text is no value. The message does not repeat a secret.
    package struct ParseFailure: Error {
        package var message: String

        package init(message: String) { self.message = message }
    }

    private let variables: [String: String]
    private var section = ""

    /// Every setting that was read, in the order of reading.
    private(set) var entries: [SettingEntry] = []
    private(set) var problems: [SettingsError.Problem] = []
    /// The values that were read, or the defaults in their place, as text; secrets are replaced.
    private(set) var effective: [(name: String, value: String)] = []
    /// The values of secret settings that are set.
    private(set) var secrets: [String] = []

    init(_ variables: [String: String]) { self.variables = variables }

    /// Reads a group of settings.
    func load<Group: SettingsGroup>(_ group: Group.Type) -> Group {
        section = Group.section
        return Group(self)
    }

    /// The value of a setting, or its default when the variable is not set or its text is wrong.
    package func callAsFunction<Value>(_ key: SettingKey<Value>) -> Value {
        var entry = key.entry
        entry.section = section
        entries.append(entry)
        guard let text = text(of: entry.name) else {
            let value = key.fallback()
            if let text = key.format.text(value) { note(entry, text) }
            return value
        }
        if entry.isSecret { secrets.append(text) }
        note(entry, text)
        do throws(ParseFailure) {
            return try key.format.parse(text)
        } catch {
            refuse(entry.name, error.message)
            return key.fallback()
        }
    }

    /// Whether a variable is set to something: to other settings its value is no matter.
    package func isSet(_ name: String) -> Bool { text(of: name) != nil }

    /// Notes a problem of values that are fine by themselves.
    package func refuse(_ name: String, _ message: String) {
        problems.append(.init(key: name, message: message))
    }

    /// A variable that is set to nothing means the same as one that is not set.
    private func text(of name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    private func note(_ entry: SettingEntry, _ text: String) {
        let shown = String(decoding: URLRedaction.redacted(Array(text.utf8)), as: UTF8.self)
        effective.append((entry.name, entry.isSecret ? "(secret)" : shown))
    }
}

/// The settings of one owner. Its initializer reads each of them, in the order of the reference page.
package protocol SettingsGroup: Sendable {
    /// The heading on the reference page; neighbours may have the same.
    static var section: String { get }

    init(_ read: SettingsReader)
}
