/// One configuration key: an environment variable, with all that its reference page says of it.
public struct SettingKey: Sendable, Hashable {
    /// The environment variable.
    public var name: String
    public var type: String
    public var unit: String
    /// The default as documented; what is computed says so.
    public var defaultText: String
    public var range: String
    public var summary: String
    /// Values of secrets appear in no log, page or error.
    public var isSecret: Bool
    /// Whether a running tree takes a new value over; else it needs another start.
    public var isReloadable: Bool
    public var section: String

    init(
        _ name: String,
        section: String,
        type: String,
        unit: String = "",
        default defaultText: String,
        range: String = "",
        isSecret: Bool = false,
        isReloadable: Bool = false,
        _ summary: String
    ) {
        self.name = name
        self.section = section
        self.type = type
        self.unit = unit
        self.defaultText = defaultText
        self.range = range
        self.isSecret = isSecret
        self.isReloadable = isReloadable
        self.summary = summary
    }
}

/// Everything that is wrong with the configuration, at once.
public struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Problem: Sendable, Equatable {
        public var key: String
        public var message: String
    }

    public var problems: [Problem]

    public var description: String {
        let lines = problems.map { "  \($0.key): \($0.message)" }
        return (["the configuration has \(problems.count) problem\(problems.count == 1 ? "" : "s"):"] + lines)
            .joined(separator: "\n")
    }
}
