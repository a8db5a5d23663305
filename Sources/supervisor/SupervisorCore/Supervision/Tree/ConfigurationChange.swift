internal import Settings

/// The part of a new configuration that a running tree takes over.
struct ConfigurationChange: Sendable {
    /// The values in effect from now on: keys that need a restart of the supervisor keep their old ones.
    let variables: [String: String]
    let settings: Settings
    /// Keys that changed and take effect.
    let applied: [String]
    /// Keys that changed and need a restart.
    let postponed: [String]

    /// - Throws: ``SettingsError`` when the new values are wrong together with the old ones that stay.
    init(from old: [String: String], to new: [String: String]) throws(SettingsError) {
        var variables = new
        var applied: [String] = []
        var postponed: [String] = []
        for key in Settings.catalogue where (old[key.name] ?? "") != (new[key.name] ?? "") {
            if key.isReloadable {
                applied.append(key.name)
            } else {
                postponed.append(key.name)
                variables[key.name] = old[key.name]
            }
        }
        self.variables = variables
        self.applied = applied
        self.postponed = postponed
        settings = try Settings.from(variables)
    }

    /// Workers read their settings when they start; the sizes of pools are not theirs.
    var needsNewWorkers: Bool { applied.contains { $0 != "WORKERS" } }
}
