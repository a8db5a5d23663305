package import ArgumentParser
package import JobModel

extension MediaKind: ExpressibleByArgument {}

/// The command line of every stage executable.
package struct WorkerOptions: ParsableCommand {
    package static let configuration = CommandConfiguration(
        // The name of this executable, one of several.
        commandName: CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "stage",
        abstract: "Works on the jobs of one stage of the media processor.",
        discussion: """
            `supervisor run` starts and watches it, with settings from the environment (see `supervisor settings`). \
            Without RABBITMQ_URL there is no broker that it could use. SIGTERM drains.

            Exit status: 0 after a drain; 64 wrong usage; 70 it cannot start; 78 wrong settings.
            """
    )

    @Option(help: "The kind of media whose queue this worker owns: video or image.")
    package var kind: MediaKind

    @Option(help: "The worker's name in logs and in the supervisor, such as process.video.1.")
    package var name: String?

    @Option(help: ArgumentHelp("Inherited descriptor that reports go to.", visibility: .hidden))
    var statusFd: Int32?

    @Option(
        help: ArgumentHelp(
            "Inherited descriptor whose end of file means that the supervisor is gone.",
            visibility: .hidden
        )
    )
    var lifelineFd: Int32?

    @Option(
        help: ArgumentHelp(
            "Inherited descriptor that log lines go to; standard output without it.",
            visibility: .hidden
        )
    )
    var logFd: Int32?

    package init() {}
}
