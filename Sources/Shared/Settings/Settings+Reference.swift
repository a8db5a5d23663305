extension Settings {
    /// The reference page of all keys, in Markdown: `docs/configuration.md`.
    package static var referencePage: String {
        var page = introduction
        var section = ""
        for key in catalogue {
            if key.section != section {
                section = key.section
                page += "\n## \(section)\n\n| key | type | unit | default | range | SIGHUP | meaning |\n"
                page += "|---|---|---|---|---|---|---|\n"
            }
            let name = "`\(key.name)`" + (key.isSecret ? " (secret)" : "")
            let plain = key.defaultText.contains("`") || key.defaultText.contains(" ")
            let value = plain ? key.defaultText : "`\(key.defaultText)`"
            let reload = key.isReloadable ? "yes" : ""
            let cells = [name, key.type, key.unit, value, key.range, reload, key.summary]
            page += "| " + cells.joined(separator: " | ") + " |\n"
        }
        return page
    }
}

private let introduction = """
    # Configuration

    Every process reads its configuration from environment variables and from the file that `CONFIG_FILE` names; the
    environment wins. `supervisor run` passes on to its workers what it has read. All problems are reported together at
    the start, and nothing runs with a wrong configuration. A variable that is set to nothing counts as not set. One \
    whose
    name is nearly one of these is warned of. Paths that do not begin with `/` are relative to the current directory.
    `GET /info` shows the values in effect; secrets are replaced there and appear in no log.

    SIGHUP makes a running supervisor read all of it again. Keys with "yes" take effect then, for workers by a rolling
    restart; of the others the log says that they need a restart of the supervisor.

    This page is generated: `supervisor settings --markdown > docs/configuration.md`.

    """
