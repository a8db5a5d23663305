internal import JobModel
internal import TempFiles

/// Adds up the time of service: that in which the tree has its broker, and of each stage that in which it has workers
/// as well. Pure: time is given.
///
/// Only the time between two looks that found the same connection counts. Time in doubt does not: a job that is
/// heard of too late is taken for abandoned, one that is given more time loses nothing.
struct ServiceClock: Sendable {
    /// The findings of a look.
    struct Sight: Sendable, Equatable {
        /// Another one for each connection to the broker.
        var connection: UInt64
        /// The stages that have a worker that is ready.
        var stages: Set<ServedStage>
    }

    /// More than lies between two looks, unless the process stood still; then nobody knows what was there meanwhile.
    static let longestStretch = Duration.seconds(60)

    private var last: (at: Duration, sight: Sight)?
    private var all = Duration.zero
    private var stages: [ServedStage: Duration] = [:]

    /// - Parameters:
    ///   - sight: nil when the broker did not answer, or takes no messages.
    ///   - now: when it answered, by a clock that does not jump and does not count the time that the machine sleeps.
    mutating func look(_ sight: Sight?, at now: Duration) {
        defer { last = sight.map { (now, $0) } }
        guard let sight, let last, last.sight.connection == sight.connection, now > last.at else { return }
        let stretch = now - last.at
        guard stretch <= Self.longestStretch else { return }
        all += stretch
        for stage in sight.stages.intersection(last.sight.stages) { stages[stage, default: .zero] += stretch }
    }

    /// The time of service since the last call.
    mutating func take() -> (all: Duration, stages: [ServedStage: Duration]) {
        defer { (all, stages) = (.zero, [:]) }
        return (all, stages)
    }
}
