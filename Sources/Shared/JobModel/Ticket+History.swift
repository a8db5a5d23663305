extension Ticket {
    /// So many failures travel with a job; older ones make room.
    public static let maximumHistory = 20

    /// Of a failure's message in the history, which travels with every message of the job.
    static let maximumHistoryMessageBytes = 256

    /// Remembers why a stage is tried again.
    public mutating func note(_ failure: JobFailure) {
        var entry = failure
        entry.message = failure.message.clipped(toBytes: Self.maximumHistoryMessageBytes)
        entry.unknown = [:]
        history = history.suffix(Self.maximumHistory - 1) + [entry]
    }
}
