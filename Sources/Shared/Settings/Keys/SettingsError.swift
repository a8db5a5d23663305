/// Everything that is wrong with the configuration, at once.
package struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    package struct Problem: Sendable, Equatable {
        package var key: String
        package var message: String
    }

    package var problems: [Problem]

    package var description: String {
        let lines = problems.map { "  \($0.key): \($0.message)" }
        return (["the configuration has \(problems.count) problem\(problems.count == 1 ? "" : "s"):"] + lines)
            .joined(separator: "\n")
    }
}
