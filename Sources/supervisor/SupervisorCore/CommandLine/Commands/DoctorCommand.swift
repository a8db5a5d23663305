internal import ArgumentParser
internal import Glibc
internal import Settings
internal import WorkerProtocol

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check all that the tree needs, and say what to do.",
        discussion: """
            Looks at the broker, directories, disk, kernel, limits, clock, port and media libraries, with the settings \
            of the environment and as the user that it is run by, or that RUN_AS makes of root. It changes nothing. \
            Each finding is ok, a warning (jobs go on, with a limit or a risk) or a failure (some or all jobs cannot \
            be done).

            JSON: {"version", "verdict", "findings": [{"check", "verdict", "message", "advice"?}]}; a verdict is `ok`, \
            `warning` or `failure`.

            \(CommandExit.text([.ok: "no failure", .failed: "a failure"]))
            """
    )

    @Flag(help: .json)
    var json = false

    func run() async throws {
        let settings = try CommandFailure.settingsAsOwnUser()
        signal(SIGPIPE, SIG_IGN)
        let report = await Doctor(settings: settings, executablesDirectory: OwnExecutable.directory).report()
        if json {
            try CommandOutput.write(json: report)
        } else {
            CommandOutput.write(lines: report.lines(usesColours: Terminal.usesColours))
        }
        if report.verdict == .failure { throw CommandExit.failed.code }
    }
}
