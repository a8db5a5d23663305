internal import ArgumentParser
internal import Glibc
internal import Logging
internal import Logs
internal import Settings
internal import UnixSignals

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the process tree in the foreground.",
        discussion: """
            Settings come from the environment and from CONFIG_FILE; SIGHUP reads that again. Without RABBITMQ_URL a \
            private broker is started in STATE_DIR/broker. Started as root with RUN_AS it becomes that user first.

            SIGTERM or SIGINT drains: workers finish or hand back their jobs within DRAIN_SECONDS. A second one hastens.

            \(CommandExit.text([.ok: "after a drained stop", .failed: "the tree could not start"]))
            """
    )

    func run() async throws {
        let (settings, variables) = try CommandFailure.settingsWithVariables()
        do throws(PrivilegeError) {
            try Privileges.take(settings)
            try OwnedDirectories.check(settings)
        } catch {
            throw CommandFailure.report(error.message, .failed)
        }
        signal(SIGPIPE, SIG_IGN)
        let (writer, problem) = LogWriter.open(settings)
        writer.bootstrap()
        let logger = Logger(label: "supervisor")
        if let problem { logger.warning("\(problem)") }
        for slip in Settings.misspellings(in: CurrentEnvironment.variables) { logger.warning("\(slip)") }
        if let warning = Privileges.warning { logger.warning("\(warning)") }
        for warning in TrustedFiles.warnings(settings, executablesDirectory: OwnExecutable.directory) {
            logger.warning("\(warning.problem)")
        }
        let stop = StopSignals()
        await stop.listen()
        let tree = ProcessTree(
            settings: settings,
            variables: variables,
            executablesDirectory: OwnExecutable.directory,
            stop: stop,
            manager: ServiceManager(CurrentEnvironment.all),
            setLogLevel: { writer.setLevel($0) },
            logger: logger
        )
        let reopening = await writer.reopenOnSignal { await tree.reopenLogs() }
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        defer { reopening.cancel() }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in hangups { await tree.reload() } }
                defer { group.cancelAll() }
                try await tree.run()
            }
        } catch {
            logger.critical("the media processor could not start: \(error)")
            throw CommandExit.failed.code
        }
        await stop.end()
    }
}
