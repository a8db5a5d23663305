internal import JobModel
internal import Queues
internal import Settings

/// Pools as people name them: `process.video`, or `process` for the pools of both kinds.
enum PoolArgument {
    /// - Throws: ``UsageProblem`` that lists the pools.
    static func pools(_ text: String) throws(UsageProblem) -> [PoolName] {
        if let pool = PoolName(text) { return [pool] }
        if let stage = Stage(rawValue: text) { return PoolName.all.filter { $0.stage == stage } }
        throw UsageProblem(
            message: "`\(OrphanText.plain(text))` is no pool; there are \(names.joined(separator: ", ")), "
                + "and \(Stage.allCases.map(\.rawValue).joined(separator: ", ")) for the pools of both kinds"
        )
    }

    /// Reads `process.video=4`.
    ///
    /// - Throws: ``UsageProblem``.
    static func counts(_ text: String) throws(UsageProblem) -> [(pool: PoolName, workers: Int)] {
        let sides = text.split(separator: "=", omittingEmptySubsequences: false)
        guard sides.count == 2 else {
            throw UsageProblem(message: "`\(OrphanText.plain(text))` is not POOL=WORKERS, such as process.video=4")
        }
        let pools = try pools(String(sides[0]))
        guard let workers = Int(sides[1]), (0...WorkerCounts.maximumPerPool).contains(workers) else {
            throw UsageProblem(
                message: "`\(OrphanText.plain(text))`: a pool has 0 to \(WorkerCounts.maximumPerPool) workers"
            )
        }
        return pools.map { ($0, workers) }
    }

    static let names = PoolName.all.map(\.description)
    /// For completions: pools, and stages for both kinds.
    static let words = Stage.allCases.map(\.rawValue) + names
}
