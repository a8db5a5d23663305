/// One setting: an environment variable with its format, its default and all that the reference page says of it.
///
/// A setting is declared once, where its group reads it:
///
///     port = read(SettingKey("PORT", .integer(0...65_535), default: 8044, "HTTP port. 0 takes a free one."))
package struct SettingKey<Value: Sendable> {
    let entry: SettingEntry
    let format: SettingFormat<Value>
    let fallback: () -> Value

    /// - Parameters:
    ///   - name: of the environment variable.
    ///   - documented: how the reference page writes the default; nil for the default itself.
    ///   - isReloadable: whether a running tree takes a new value over; if not, the tree has to be started anew.
    package init(
        _ name: String,
        _ format: SettingFormat<Value>,
        unit: String = "",
        default fallback: @autoclosure @escaping () -> Value,
        documented: String? = nil,
        isSecret: Bool = false,
        isReloadable: Bool = false,
        _ summary: String
    ) {
        self.format = format
        self.fallback = fallback
        entry = SettingEntry(
            name: name,
            type: format.type,
            unit: unit,
            defaultText: documented ?? format.documented(fallback()) ?? "",
            range: format.range,
            summary: summary,
            isSecret: isSecret,
            isReloadable: isReloadable
        )
    }
}
