internal import ArgumentParser
internal import Glibc
internal import Settings

struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Show every configuration key with the value in effect.",
        discussion: """
            As the environment and CONFIG_FILE give them, without secrets. docs/configuration.md explains each key.

            JSON: {"settings": {KEY: value}}.

            \(CommandExit.text([.ok: "they are right"]))
            """
    )

    @Flag(help: "Print the reference page of all keys instead.")
    var markdown = false

    @Flag(help: .json)
    var json = false

    struct Document: Codable, Equatable {
        var settings: [String: String]
    }

    func validate() throws {
        if markdown, json { throw ValidationError("--markdown and --json are two different things") }
    }

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        if markdown { return CommandOutput.write(Settings.referencePage) }
        let values = Dictionary(try CommandFailure.settings().effective) { _, last in last }
        for slip in Settings.misspellings(in: CurrentEnvironment.variables) {
            StandardStreams.writeError("Warning: \(slip)")
        }
        if json { return try CommandOutput.write(json: Document(settings: values)) }
        CommandOutput.write(lines: Settings.catalogue.map { "\($0.name)=\(values[$0.name] ?? "")" })
    }
}
