/// Where the tree's own files are.
package struct PlaceSettings: SettingsGroup {
    package static let section = "Files"
    static let configurationFileName = "CONFIG_FILE"

    /// Absolute path of the file that some of the settings may come from.
    package let configurationFile: String?
    package let temporaryDirectory: String
    package let stateDirectory: String

    package init(_ read: SettingsReader) {
        configurationFile = read(
            SettingKey(
                Self.configurationFileName,
                .optional(.path),
                default: nil,
                documented: "none",
                "More settings, as lines of `KEY=VALUE`; `#` begins a comment line. What the environment sets, the "
                    + "file cannot change. Read at the start and at SIGHUP."
            )
        )
        temporaryDirectory = read(
            SettingKey(
                "TEMP_DIR",
                .path,
                default: "/tmp",
                "Where `media-processor/`, the workspace of all temp files, is made. A local file system."
            )
        )
        stateDirectory = read(
            SettingKey(
                "STATE_DIR",
                .path,
                default: "state",
                "Data that outlives a restart: the private broker's messages and the run file that the CLI reads. "
                    + "Nobody but root and the tree's user may be able to write to it or to a directory above it, "
                    + "unless that is sticky."
            )
        )
    }
}
