package import JobModel

extension WorkerReport.Counters {
    /// Notes that the stage's work on a job is done.
    package mutating func complete(after duration: Duration) {
        completed = completed.addingClamped(1)
        var known = durations ?? DurationHistogram()
        known.observe(duration)
        durations = known
    }

    /// Notes that a job has ended, and clients were told.
    package mutating func end(_ outcome: JobOutcome) {
        var known = ended ?? [:]
        known[outcome.rawValue, default: 0] += 1
        ended = known
    }

    /// Adds the counts of another process, or of an earlier one in the same place.
    package mutating func add(_ other: Self) {
        completed = completed.addingClamped(other.completed)
        failed = failed.addingClamped(other.failed)
        retried = retried.addingClamped(other.retried)
        rejected = rejected.addingClamped(other.rejected)
        duplicates = duplicates.addingClamped(other.duplicates)
        if let more = other.durations {
            var known = durations ?? DurationHistogram()
            known.add(more)
            durations = known
        }
        if let more = other.ended { ended = (ended ?? [:]).merging(more) { $0.addingClamped($1) } }
        if let more = other.cleaning {
            var known = cleaning ?? CleaningCounters()
            known.add(more)
            cleaning = known
        }
    }
}
