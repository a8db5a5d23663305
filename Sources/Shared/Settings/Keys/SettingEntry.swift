/// One setting on the reference page.
package struct SettingEntry: Sendable, Hashable {
    /// The environment variable.
    package var name: String
    package var type: String
    package var unit: String
    /// The default as documented. A default that is computed is described.
    package var defaultText: String
    package var range: String
    package var summary: String
    /// Values of secrets appear in no log, page or error.
    package var isSecret: Bool
    /// Whether a running tree takes a new value over; if not, the tree has to be started anew.
    package var isReloadable: Bool
    package var section = ""
}
