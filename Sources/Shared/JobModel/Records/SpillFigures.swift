/// What was spilled and fetched back since the ledger was begun, by all processes of this host.
package struct SpillFigures: Sendable, Hashable {
    package struct Counts: Sendable, Hashable {
        package var spills: Int64 = 0
        package var spilledBytes: Int64 = 0
        package var fetches: Int64 = 0
        package var fetchedBytes: Int64 = 0
        /// Of puts, fetches and deletions.
        package var failures: Int64 = 0

        package init() {}

        package init(spills: Int64, spilledBytes: Int64, fetches: Int64, fetchedBytes: Int64, failures: Int64) {
            self.spills = spills
            self.spilledBytes = spilledBytes
            self.fetches = fetches
            self.fetchedBytes = fetchedBytes
            self.failures = failures
        }
    }

    package var counts: [MediaKind: Counts] = [:]
    /// Objects that nobody needs any more and that are not deleted yet.
    package var leaving = FileTotals(files: 0, sizeBytes: 0)
    /// The most failed tries to delete one of them, and why the last try of that one failed.
    package var mostAttempts: Int64 = 0
    package var cause: String?

    package init() {}

    /// Of both kinds.
    package var total: Counts {
        counts.values.reduce(into: Counts()) { sum, more in
            sum.spills = sum.spills.addingClamped(more.spills)
            sum.spilledBytes = sum.spilledBytes.addingClamped(more.spilledBytes)
            sum.fetches = sum.fetches.addingClamped(more.fetches)
            sum.fetchedBytes = sum.fetchedBytes.addingClamped(more.fetchedBytes)
            sum.failures = sum.failures.addingClamped(more.failures)
        }
    }
}
