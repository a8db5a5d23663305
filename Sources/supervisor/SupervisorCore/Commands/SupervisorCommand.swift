public import ArgumentParser
internal import Glibc
internal import ServiceKit

/// `supervisor`: the process tree and its command line.
public struct SupervisorCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "supervisor",
        abstract: "Runs the media processor, submits jobs to it and shows what it does.",
        version: Version.text,
        subcommands: [RunCommand.self, PrivateBrokerCommand.self],
        defaultSubcommand: RunCommand.self
    )

    public init() {}

    /// The whole program.
    public static func run() async {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == BoundExec.subcommand { Glibc.exit(BoundExec.run(Array(arguments.dropFirst()))) }
        await main()
    }
}
