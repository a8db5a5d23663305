package import Settings

/// How many ranges of a large source are read at a time; see docs/decisions/0030-parallel-ranges.md.
package struct SourceRanges: Sendable, Hashable {
    /// Ranges at a time; 1 for one stream.
    package var count = 1
    /// A smaller source comes in one stream.
    package var minimumBytes: Int64 = 64 << 20
    /// Of one range. So many are in memory of each but the first.
    package var rangeBytes: Int64 = 8 << 20

    package init() {}

    package init(_ settings: WebSourceSettings) {
        count = settings.parallelRanges
        minimumBytes = settings.parallelMinimumBytes
    }
}
