internal import ArgumentParser
internal import JobModel
internal import ServiceKit

/// A command line that names no command of ours. A tree is started by `run` only: who mistypes gets no tree.
struct UnknownCommand {
    /// The help of the whole program, when no command was named at all.
    var output: String?
    var error = ""

    init?(_ arguments: [String]) {
        guard let name = arguments.first else {
            output = SupervisorCommand.helpMessage()
            return
        }
        // What begins with a dash is an option of the program itself, such as --help.
        if name.utf8.first == UInt8(ascii: "-") || Self.all.contains(name) { return nil }
        let meant = Spelling.nearest(name, among: Self.shown).map { "; did you mean `\($0)`?" } ?? "."
        error = """
            Error: unknown command `\(name.clipped(toBytes: 200).shown)`\(meant)
            Commands are \(Self.shown.joined(separator: ", ")); see `supervisor --help`.
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
