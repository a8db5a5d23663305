public import JobModel

/// How many workers each pool has.
public struct WorkerCounts: Sendable, Hashable, CustomStringConvertible {
    public static let maximumPerPool = 64

    private var counts: [PoolName: Int] = [:]

    public init() {}

    public subscript(pool: PoolName) -> Int {
        get { counts[pool] ?? 1 }
        set { counts[pool] = newValue }
    }

    /// Reads `process.video=2,download.image=0`. Pools that are not named have one worker.
    init(parsing text: String) throws(SettingsReader.ParseFailure) {
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, let pool = PoolName(sides[0].trimmed) else {
                throw .init(
                    message:
                        "`\(part)` is not POOL=COUNT; pools are \(PoolName.all.map(\.description).joined(separator: ", "))"
                )
            }
            guard let count = Int(sides[1].trimmed), (0...Self.maximumPerPool).contains(count) else {
                throw .init(message: "the count of \(pool) must be 0 to \(Self.maximumPerPool), not `\(sides[1])`")
            }
            counts[pool] = count
        }
    }

    public var description: String { PoolName.all.map { "\($0)=\(self[$0])" }.joined(separator: ",") }
}
