internal import ArgumentParser
internal import JobModel
internal import Settings

/// A command line that names no command of ours. A tree is started by `run` only: who mistypes gets no tree.
enum UnknownCommand {
    /// What is wrong with the first word of a command line; nil when it is a command.
    static func message(_ name: String) -> String? {
        // What begins with a dash is an option of the program itself, such as --help.
        if name.utf8.first == UInt8(ascii: "-") || all.contains(name) { return nil }
        let meant = Spelling.nearest(name, among: shown).map { "; did you mean `\($0)`?" } ?? "."
        return """
            Error: unknown command `\(name.clipped(toBytes: 200).shown)`\(meant)
            Commands are \(shown.joined(separator: ", ")); see `supervisor --help`.
            """
    }

    private static var commands: [any ParsableCommand.Type] { SupervisorCommand.configuration.subcommands }

    private static var all: Set<String> {
        Set(commands.flatMap { [$0._commandName] + $0.configuration.aliases } + ["help"])
    }

    private static var shown: [String] {
        commands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }.sorted()
    }
}
