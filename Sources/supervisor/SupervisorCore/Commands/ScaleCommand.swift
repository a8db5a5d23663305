internal import ArgumentParser
internal import Glibc
internal import ServiceKit

struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Change how many workers pools have.",
        discussion: """
            A pool is named by its stage and kind, as in process.video, or by the stage alone for both kinds, and has 0 \
            to \(WorkerCounts.maximumPerPool) workers. New workers start at once; surplus ones finish their job, or hand it back after \
            DRAIN_SECONDS without spending an attempt. It lasts until the configuration is read again or the supervisor \
            ends; WORKERS is for good.

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

    @Flag(help: "Print one JSON document, and nothing else, on standard output.")
    var json = false

    struct Pool: Codable, Equatable {
        var pool: String
        /// What was wanted before.
        var before: Int?
        var workers: Int
        /// Only with `--wait`.
        var ready: Int?
        var error: String?
    }

    struct Document: Codable, Equatable {
        var pools: [Pool]
    }

    func run() async throws {
        let settings = try CommandFailure.settings()
        signal(SIGPIPE, SIG_IGN)
        try await CommandFailure.reaching(settings) { supervisor in
            // All are read before the first is changed.
            var orders: [(pool: PoolName, workers: Int)] = []
            for text in counts { orders += try PoolArgument.counts(text) }
            let before = try await supervisor.health().pools
            var results: [Pool] = []
            for order in orders {
                let name = order.pool.description
                var result = Pool(pool: name, before: before[name]?.wanted, workers: order.workers)
                do {
                    try await supervisor.scale(order.pool, to: order.workers)
                } catch let problem as Problem where problem.status == 409 {
                    result.error = CommandFailure.words(problem)
                }
                results.append(result)
            }
            if wait { try await settle(&results, orders.map(\.pool), supervisor) }
            try conclude(results)
        }
    }

    private func settle(_ results: inout [Pool], _ pools: [PoolName], _ supervisor: RunningSupervisor) async throws {
        for (index, pool) in pools.enumerated() where results[index].error == nil {
            do {
                results[index].ready = try await PoolWatch(supervisor: supervisor).settled(pool)
            } catch let failing as PoolWatch.Failing {
                results[index].error = failing.message
            }
        }
    }

    private func conclude(_ results: [Pool]) throws {
        if json { try CommandOutput.write(json: Document(pools: results)) }
        for result in results {
            if let error = result.error {
                StandardStreams.writeError("Error: \(result.pool): \(error)")
            } else if !json {
                let change = result.before.map { "\($0) → \(result.workers)" } ?? "\(result.workers)"
                CommandOutput.write("\(result.pool): \(change) workers\(result.ready == nil ? "" : ", ready")\n")
            }
        }
        let failed = results.count { $0.error != nil }
        let exit = CommandExit.of(done: results.count - failed, failed: failed)
        if exit != .ok { throw exit.code }
    }
}
