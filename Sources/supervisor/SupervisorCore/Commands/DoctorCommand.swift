internal import ArgumentParser
internal import Glibc
internal import ServiceKit

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check everything that the tree needs, and say what to do.",
        discussion: """
            Looks at the broker, directories, disk, kernel, limits, clock, port and media libraries, with the settings of \
            the environment and as the user that it is run by, or that RUN_AS makes of root. It changes nothing. Each finding is ok, a warning (jobs go \
            on, with a limit or a risk) or a failure (some or all jobs cannot be done).

            Exit status: 0 no failure, 1 a failure, 2 wrong usage or wrong settings.
            """
    )

    @Flag(help: "Print one JSON document, and nothing else, on standard output.")
    var json = false

    func run() async throws {
        let settings = try CommandFailure.settings()
        do throws(PrivilegeError) {
            try Privileges.take(settings)
        } catch {
            throw CommandFailure.report(error.message, CommandFailure.jobFailed)
        }
        signal(SIGPIPE, SIG_IGN)
        let report = await Doctor(settings: settings, executablesDirectory: OwnExecutable.directory).report()
        if json {
            let text = String(decoding: try JSONText.encode(report, isPretty: true), as: UTF8.self)
            StandardStreams.write(text + "\n")
        } else {
            StandardStreams.write(report.lines(usesColours: Terminal.usesColours).joined(separator: "\n") + "\n")
        }
        if report.verdict == .failure { throw CommandFailure.jobFailed }
    }
}
