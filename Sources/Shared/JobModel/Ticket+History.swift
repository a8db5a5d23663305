extension Ticket {
    /// The number of failures that travel with a job; older ones make room.
    package static let maximumHistory = 20

    /// The limit of a failure's message in the history, which travels with every message of the job.
    static let maximumHistoryMessageBytes = 256

    /// Remembers why a stage is tried again.
    package mutating func note(_ failure: JobFailure) {
        var entry = failure
        entry.message = failure.message.clipped(toBytes: Self.maximumHistoryMessageBytes)
        entry.unknown = [:]
        history = history.suffix(Self.maximumHistory - 1) + [entry]
    }

    /// Remembers a failure at its place in time; an entry of the same failure is replaced.
    ///
    /// - Parameter isSame: whether an entry of the same time is the same failure.
    package mutating func note(_ failure: JobFailure, replacing isSame: (JobFailure) -> Bool) {
        let at = ByteText(failure.occurredAt)
        if let known = history.firstIndex(where: { ByteText($0.occurredAt) == at && isSame($0) }) {
            history[known].message = failure.message.clipped(toBytes: Self.maximumHistoryMessageBytes)
            return
        }
        let later = history.drop { ByteText($0.occurredAt) <= at }
        history.removeLast(later.count)
        note(failure)
        history = (history + later).suffix(Self.maximumHistory)
    }
}
