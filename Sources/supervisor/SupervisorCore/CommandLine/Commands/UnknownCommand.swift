internal import ArgumentParser
internal import JobModel
internal import Settings

/// A command line that names no command of ours. Only `run` starts a tree, so a slip of the keyboard starts none.
enum UnknownCommand {
    /// Describes a first word that is no command; nil when it is one.
    static func message(_ name: String) -> String? {
        // A word that begins with a dash is an option of the program itself, such as --help.
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
