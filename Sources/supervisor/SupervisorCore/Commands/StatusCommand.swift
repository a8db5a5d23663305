internal import ArgumentParser
internal import Glibc
internal import ServiceKit

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what the running tree does.",
        discussion: """
            Health with its problems in words, the broker, every worker with its job, and temp files by kind.

            JSON: {"health", "info"}, the answers of GET /health and GET /info.

            \(CommandExit.text([.ok: "healthy or degraded", .failed: "unhealthy"]))
            """
    )

    @Flag(help: "Print one JSON document: the answers of /health and /info.")
    var json = false

    private struct Document: Encodable {
        var health: HealthReport
        var info: InfoReport
    }

    func run() async throws {
        let settings = try CommandFailure.settingsOfRunningTree()
        signal(SIGPIPE, SIG_IGN)
        try await CommandFailure.reaching(settings) { supervisor in
            let health = try await supervisor.health()
            let info = try await supervisor.info()
            if json {
                try CommandOutput.write(json: Document(health: health, info: info))
            } else {
                CommandOutput.write(
                    lines: StatusText.lines(health: health, info: info, usesColours: Terminal.usesColours)
                )
            }
            if health.status == .unhealthy { throw CommandExit.failed.code }
        }
    }
}
