/// The temp files that a process has removed since it started. The counts only ever grow.
package struct CleaningCounters: Sendable, Hashable, Codable {
    package var files: Int64 = 0
    package var bytes: Int64 = 0
    package var seconds = 0.0
    /// Files and directories that could not be removed, each try.
    package var failures: Int64 = 0
    /// Orphans that were removed, or given to the clean-up stage, by reason.
    package var orphans: [String: Int64] = [:]

    package init() {}

    /// Numbers from another process stay within their type.
    package mutating func add(_ other: CleaningCounters) {
        files = files.addingClamped(other.files)
        bytes = bytes.addingClamped(other.bytes)
        seconds += other.seconds
        failures = failures.addingClamped(other.failures)
        orphans.merge(other.orphans) { $0.addingClamped($1) }
    }
}

extension FixedWidthInteger {
    /// The sum, or the nearest number that the type holds.
    package func addingClamped(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}
