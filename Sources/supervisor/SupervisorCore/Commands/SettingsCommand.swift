internal import ArgumentParser
internal import ServiceKit

struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Show every configuration key with the value in effect.",
        discussion: "Exit status: 0, or 2 when the configuration in the environment is wrong."
    )

    @Flag(help: "Print the reference page of all keys instead.")
    var markdown = false

    func run() throws {
        if markdown {
            print(Settings.referencePage, terminator: "")
            return
        }
        let values = Dictionary(try CommandFailure.settings().effective) { _, last in last }
        for key in Settings.catalogue { print("\(key.name)=\(values[key.name] ?? "")") }
    }
}
