internal import ArgumentParser
internal import Glibc
internal import JobModel
internal import Settings

struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Change how many workers pools have.",
        discussion: """
            A pool is named by its stage and kind, as in process.video, or by the stage alone for both kinds, and has \
            0 to \(WorkerCounts.maximumPerPool) workers. New workers start at once; surplus ones finish their job, or \
            hand it back after DRAIN_SECONDS without spending an attempt. It lasts until the configuration is read \
            again or the supervisor ends; WORKERS is for good.

            Examples:
              supervisor scale process.video=4
              supervisor scale download=2 upload=2 --wait

            JSON: {"pools": [{"pool", "before"?, "workers", "ready"?, "error"?}]}; `ready` is there with --wait.

            \(CommandExit.text([
                .ok: "done (with --wait: the workers are ready)", .failed: "no pool", .partial: "some pools",
            ]))
            """
    )

    @Argument(
        help: ArgumentHelp("Pools and their new numbers of workers.", valueName: "pool=workers"),
        completion: .list(PoolArgument.words.map { $0 + "=" })
    )
    var counts: [String]

    @Flag(help: "Wait until new workers are ready and surplus ones are gone.")
    var wait = false

    @OptionGroup
    var options: PoolOrderOptions

    private struct Result: PoolResult {
        var pool: String
        /// The number of workers that was wanted before.
        var before: Int?
        var workers: Int
        var ready: Int?
        var error: String?

        var sentence: String {
            (before.map { "\($0) → \(workers)" } ?? "\(workers)") + " workers" + (ready == nil ? "" : ", ready")
        }
    }

    func run() async throws {
        let settings = try CommandFailure.settingsOfRunningTree()
        let deadline = options.deadline
        signal(SIGPIPE, SIG_IGN)
        try await CommandFailure.reaching(settings) { supervisor in
            // All are read before the first is changed.
            var orders: [(pool: PoolName, workers: Int)] = []
            for text in counts { orders += try PoolArgument.counts(text) }
            let before = try await supervisor.health().pools
            var results: [Result] = []
            for order in orders {
                let name = order.pool.description
                var result = Result(pool: name, before: before[name]?.wanted, workers: order.workers)
                try await result.order { try await supervisor.scale(order.pool, to: order.workers) }
                results.append(result)
            }
            let watch = PoolWatch(supervisor: supervisor, deadline: deadline)
            for (index, order) in orders.enumerated() where wait || options.timeout != nil {
                try await results[index].settle { try await watch.settled(order.pool) }
            }
            try PoolResults(pools: results).conclude(json: options.json)
        }
    }
}
