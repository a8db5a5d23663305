internal import ArgumentParser
internal import Glibc
internal import ServiceKit

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what the running tree does.",
        discussion: """
            Exit status: 0 healthy or degraded, 1 unhealthy, 2 wrong usage, 3 the supervisor cannot be reached.
            """
    )

    @Flag(help: "Print one JSON document: the answers of /health and /info.")
    var json = false

    private struct Document: Encodable {
        var health: HealthReport
        var info: InfoReport
    }

    func run() async throws {
        let settings = try CommandFailure.settings()
        signal(SIGPIPE, SIG_IGN)
        let supervisor = RunningSupervisor(settings: settings)
        do {
            let health = try await supervisor.health()
            let info = try await supervisor.info()
            if json {
                let text = try JSONText.encode(Document(health: health, info: info), isPretty: true)
                StandardStreams.write(String(decoding: text, as: UTF8.self) + "\n")
            } else {
                StandardStreams.write(StatusText.lines(health: health, info: info).joined(separator: "\n") + "\n")
            }
            if health.status == .unhealthy { throw CommandFailure.jobFailed }
        } catch let failure as LoopbackHTTP.Failure {
            throw CommandFailure.report("\(failure); is `supervisor run` up?", CommandFailure.notReachable)
        }
    }
}
