package import ArgumentParser
internal import Glibc
internal import Settings

/// `supervisor`: the process tree and its command line.
package struct SupervisorCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "supervisor",
        abstract: "Runs the media processor, and tells it what to do.",
        discussion: """
            The running supervisor is found by STATE_DIR/supervisor.json, which only its owner can read; without that \
            by HTTP_ADDRESS, PORT and API_TOKEN. Run the commands as the user and with the environment of the service.

            Every command but run and completions takes --json: one document on standard output, whose fields each \
            command's help tells ("field"? is not always there; new fields may be added). Messages of errors go to \
            standard error. Colours and progress that is drawn in place are for terminals only, and not for one with \
            NO_COLOR or TERM=dumb.

            Exit status of all commands:
            \(CommandExit.list)
            """,
        version: Version.text,
        subcommands: [PrivateBrokerCommand.self],
        groupedSubcommands: [
            CommandGroup(name: "Service", subcommands: [RunCommand.self, StatusCommand.self, DoctorCommand.self]),
            CommandGroup(
                name: "Job",
                subcommands: [SubmitCommand.self, JobsCommand.self, CancelCommand.self, RedriveCommand.self]
            ),
            CommandGroup(name: "Worker", subcommands: [ScaleCommand.self, RestartCommand.self]),
            CommandGroup(
                name: "Other",
                subcommands: [OrphansCommand.self, SettingsCommand.self, CompletionsCommand.self]
            ),
        ]
    )

    package init() {}

    /// The whole program.
    package static func run() async {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == BoundExec.subcommand { Glibc.exit(BoundExec.run(Array(arguments.dropFirst()))) }
        guard let name = arguments.first else {
            CommandOutput.write(helpMessage() + "\n")
            Glibc.exit(CommandExit.usage.rawValue)
        }
        if let message = UnknownCommand.message(name) {
            StandardStreams.writeError(message)
            Glibc.exit(CommandExit.usage.rawValue)
        }
        do {
            let command = try await asyncParseAsRoot(Array(arguments))
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
            CommandOutput.write(message + "\n")
        } else if !message.isEmpty {
            StandardStreams.writeError(message)
        }
        Glibc.exit(code == .validationFailure ? CommandExit.usage.rawValue : code.rawValue)
    }
}
