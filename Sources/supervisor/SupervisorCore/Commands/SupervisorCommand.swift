public import ArgumentParser
internal import Glibc
internal import ServiceKit

/// `supervisor`: the process tree and its command line.
public struct SupervisorCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "supervisor",
        abstract: "Runs the media processor, submits jobs to it and shows what it does.",
        version: Version.text,
        subcommands: [
            RunCommand.self, SubmitCommand.self, StatusCommand.self, OrphansCommand.self, DoctorCommand.self,
            SettingsCommand.self, PrivateBrokerCommand.self,
        ],
        defaultSubcommand: RunCommand.self
    )

    public init() {}

    /// The whole program.
    public static func run() async {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == BoundExec.subcommand { Glibc.exit(BoundExec.run(Array(arguments.dropFirst()))) }
        do {
            let command = try parseAsRoot(Array(arguments))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                var command = command
                try command.run()
            }
        } catch {
            end(with: error)
        }
    }

    private static func end(with error: any Error) -> Never {
        let code = exitCode(for: error)
        let message = fullMessage(for: error)
        if code.isSuccess {
            StandardStreams.write(message + "\n")
        } else if !message.isEmpty {
            StandardStreams.writeError(message)
        }
        // sysexits' 64 for wrong usage would be one more code to know.
        Glibc.exit(code == .validationFailure ? CommandFailure.usage.rawValue : code.rawValue)
    }
}
