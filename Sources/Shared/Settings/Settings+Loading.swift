internal import FoundationEssentials

extension Settings {
    /// Reads the process's environment, and the file that its `CONFIG_FILE` names.
    ///
    /// - Throws: ``SettingsError`` with every problem there is.
    package static func fromEnvironment() throws(SettingsError) -> Settings {
        try load(ProcessInfo.processInfo.environment).settings
    }

    /// Reads an environment, and the file that its `CONFIG_FILE` names. The file cannot change a key that the
    /// environment sets.
    ///
    /// - Parameter checks: further checks of values, beyond this module's.
    /// - Returns: the settings, and the variables of both that they were read from.
    /// - Throws: ``SettingsError`` with every problem there is.
    package static func load(
        _ environment: [String: String],
        checks: [SettingCheck] = []
    ) throws(SettingsError) -> (settings: Settings, variables: [String: String]) {
        let (variables, fileProblems) = read(environment)
        let problems = fileProblems + checks.compactMap { $0.problem(in: variables) }
        let settings: Settings
        do {
            settings = try from(variables)
        } catch {
            throw SettingsError(problems: problems + error.problems)
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        return (settings, variables)
    }

    private static func read(
        _ environment: [String: String]
    ) -> (variables: [String: String], problems: [SettingsError.Problem]) {
        let path = environment[PlaceSettings.configurationFileName] ?? ""
        let file = path.isEmpty ? ConfigurationFile() : ConfigurationFile(path: Path.absolute(path))
        return (file.variables.merging(environment) { $1.isEmpty ? $0 : $1 }, file.problems)
    }

    /// The usable part of a wrong configuration: as ``load(_:checks:)``, but keys whose values are wrong have their
    /// defaults, and lines of the file that are no settings are passed over.
    ///
    /// - Parameter needed: keys that must not be among the wrong ones.
    /// - Returns: nil when one is.
    package static func remains(of environment: [String: String], needing needed: Set<String> = []) -> Settings? {
        var variables = read(environment).variables
        // Each turn leaves out a key at least.
        for _ in 0...catalogue.count {
            do {
                return try from(variables)
            } catch {
                let wrong = Set(error.problems.map(\.key))
                guard wrong.isDisjoint(with: needed), !wrong.isDisjoint(with: variables.keys) else { return nil }
                for key in wrong { variables[key] = nil }
            }
        }
        return nil
    }

    /// Reads the given variables, as if they were the environment.
    package static func from(_ variables: [String: String]) throws(SettingsError) -> Settings {
        let reader = SettingsReader(variables)
        let settings = Settings(reader)
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
        return settings
    }
}

/// A check of one key's value beyond those of ``Settings`` itself.
package struct SettingCheck: Sendable {
    private let name: String
    private let complaint: @Sendable (String) -> String?

    /// - Parameter complaint: the problem of a value that is set; it must not repeat a value that may be secret.
    package init(_ name: String, _ complaint: @escaping @Sendable (String) -> String?) {
        self.name = name
        self.complaint = complaint
    }

    fileprivate func problem(in variables: [String: String]) -> SettingsError.Problem? {
        guard let value = variables[name], !value.isEmpty, let message = complaint(value) else { return nil }
        return SettingsError.Problem(key: name, message: message)
    }
}
