internal import ArgumentParser
internal import Glibc
internal import JobModel
internal import Queues
internal import Settings

struct RestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Replace the workers of pools.",
        discussion: """
            A pool is named by its stage and kind, as in process.video, or by the stage alone for both kinds. Workers \
            finish their job, or hand it back after DRAIN_SECONDS without spending an attempt. With --rolling each new \
            worker is ready before an old one is told to end; without it all are told at once. Workers that wait after \
            a death start at once.

            Examples:
              supervisor restart cleanup
              supervisor restart process.video process.image --rolling --wait

            JSON: {"pools": [{"pool", "rolling", "ready"?, "error"?}]}; `ready` is there with --wait.

            \(CommandExit.text([
                .ok: "begun (with --wait: the new workers are ready)", .failed: "no pool", .partial: "some pools",
            ]))
            """
    )

    @Argument(
        help: ArgumentHelp("Pools, or stages for the pools of both kinds.", valueName: "pool"),
        completion: .list(PoolArgument.words)
    )
    var pools: [String]

    @Flag(help: "One worker at a time, its successor being ready first.")
    var rolling = false

    @Flag(help: "Wait until all old workers are gone and the new ones ready.")
    var wait = false

    @OptionGroup
    var options: PoolOrderOptions

    private struct Result: PoolResult {
        var pool: String
        var rolling: Bool
        var ready: Int?
        var error: String?

        var sentence: String {
            ready.map { "restarted, \($0) ready" } ?? (rolling ? "restarting, one worker at a time" : "restarting")
        }
    }

    func run() async throws {
        let settings = try CommandFailure.settingsOfRunningTree()
        let deadline = options.deadline
        signal(SIGPIPE, SIG_IGN)
        try await CommandFailure.reaching(settings) { supervisor in
            // All are read before the first is restarted, and each once however often it is named.
            var names: [PoolName] = []
            for text in pools {
                for name in try PoolArgument.pools(text) where !names.contains(name) { names.append(name) }
            }
            let watch = PoolWatch(supervisor: supervisor, deadline: deadline)
            var old: [PoolName: Set<Int32>] = [:]
            var results: [Result] = []
            for name in names {
                old[name] = try await watch.processes(of: name)
                var result = Result(pool: name.description, rolling: rolling)
                try await result.order { try await supervisor.restart(name, isRolling: rolling) }
                results.append(result)
            }
            for (index, name) in names.enumerated() where wait || options.timeout != nil {
                try await results[index].settle { try await watch.settled(name, without: old[name] ?? []) }
            }
            try PoolResults(pools: results).conclude(json: options.json)
        }
    }
}
