/// Decides which failures to connect are worth a line in the log: each once, and again after a while, however often
/// connecting fails.
struct ConnectionTroubles {
    private struct Trouble: Hashable {
        var endpoint: AMQPEndpoint
        var code: AMQPError.Code
    }

    private static let reminderInterval = Duration.seconds(600)
    private var told: [Trouble: ContinuousClock.Instant] = [:]

    /// Whether the log has had no line about this failure for ten minutes. A call that returns true counts as a line.
    mutating func isNews(_ code: AMQPError.Code, of endpoint: AMQPEndpoint, at now: ContinuousClock.Instant) -> Bool {
        let trouble = Trouble(endpoint: endpoint, code: code)
        if let last = told[trouble], now - last < Self.reminderInterval { return false }
        told[trouble] = now
        return true
    }

    /// Forgets all failures, because there is a connection: the next failure is news.
    mutating func clear() { told.removeAll() }
}
