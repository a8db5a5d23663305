internal import ArgumentParser
internal import Glibc
internal import Settings

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what the running tree does.",
        discussion: """
            Health with its problems in words, the broker, every pool with the messages that wait for it, every worker \
            with its job, and temp files by kind.

            JSON: {"health", "info", "pools": [{"name", "queue", "waiting"?, "wanted", "ready"}]}, the answers of GET \
            /health and GET /info, and of each pool the messages in its queue, how many workers it is to have and how \
            many are ready.

            \(CommandExit.text([.ok: "healthy or degraded", .failed: "unhealthy"]))
            """
    )

    @Flag(help: .json)
    var json = false

    private struct Document: Encodable {
        var health: HealthReport
        var info: InfoReport
        var pools: [Pool]
    }

    /// A pool's waiting messages, and its workers.
    struct Pool: Codable, Equatable {
        var name: String
        var queue: String
        /// Messages that wait for a worker; absent when the broker does not say.
        var waiting: Int?
        var wanted: Int
        var ready: Int
    }

    func run() async throws {
        let settings = try CommandFailure.settingsOfRunningTree()
        signal(SIGPIPE, SIG_IGN)
        try await CommandFailure.reaching(settings) { supervisor in
            let health = try await supervisor.health()
            let info = try await supervisor.info()
            let pools = try await supervisor.overview().pools.map { Pool($0) }
            if json {
                try CommandOutput.write(json: Document(health: health, info: info, pools: pools))
            } else {
                CommandOutput.write(
                    lines: StatusText.lines(
                        health: health,
                        info: info,
                        pools: pools,
                        usesColours: Terminal.usesColours
                    )
                )
            }
            if health.status == .unhealthy { throw CommandExit.failed.code }
        }
    }
}

extension StatusCommand.Pool {
    init(_ pool: Overview.Pool) {
        self.init(name: pool.name, queue: pool.queue, waiting: pool.depth, wanted: pool.wanted, ready: pool.ready)
    }
}
