internal import JobModel

/// Durations as counts by upper bound.
package struct DurationHistogram: Sendable, Hashable, Codable {
    /// The upper bounds in seconds. Longer durations are counted in a last bucket without a bound.
    package static let bounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600]

    /// One for each bound, and the last; not cumulative.
    package private(set) var counts: [Int]
    package private(set) var sumSeconds: Double

    package init() {
        counts = Array(repeating: 0, count: Self.bounds.count + 1)
        sumSeconds = 0
    }

    package var count: Int { counts.reduce(0) { $0.addingClamped($1) } }

    package mutating func observe(_ duration: Duration) {
        let seconds = max(duration / .seconds(1), 0)
        let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        counts[bucket] = counts[bucket].addingClamped(1)
        sumSeconds += seconds
    }

    /// Counts of another version's bounds are left out.
    package mutating func add(_ other: DurationHistogram) {
        guard other.counts.count == counts.count else { return }
        for (bucket, count) in other.counts.enumerated() { counts[bucket] = counts[bucket].addingClamped(count) }
        sumSeconds += other.sumSeconds
    }
}
