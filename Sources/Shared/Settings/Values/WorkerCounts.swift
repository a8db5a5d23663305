package import JobModel

/// The number of workers of each pool.
package struct WorkerCounts: Sendable, Hashable, CustomStringConvertible {
    package static let maximumPerPool = 64

    private var counts: [PoolName: Int] = [:]

    package init() {}

    package subscript(pool: PoolName) -> Int {
        get { counts[pool] ?? 1 }
        set { counts[pool] = newValue }
    }

    /// Reads `process.video=2,download.image=0`. Pools that are not named have one worker.
    init(parsing text: String) throws(SettingsReader.ParseFailure) {
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, let pool = PoolName(sides[0].trimmed) else {
                let pools = PoolName.all.map(\.description).joined(separator: ", ")
                throw .init(message: "`\(part)` is not POOL=COUNT; pools are \(pools)")
            }
            guard let count = Int(sides[1].trimmed), (0...Self.maximumPerPool).contains(count) else {
                throw .init(message: "the count of \(pool) must be 0 to \(Self.maximumPerPool), not `\(sides[1])`")
            }
            counts[pool] = count
        }
    }

    package var description: String { PoolName.all.map { "\($0)=\(self[$0])" }.joined(separator: ",") }

    static var format: SettingFormat<Self> {
        SettingFormat(
            type: "POOL=COUNT, `,` between",
            range: "0 to \(maximumPerPool) for each pool",
            text: \.description,
            parse: Self.init(parsing:)
        )
    }
}
