/// Which failures to connect are worth a line in the log: each once, and again after a while, however often it is tried.
struct ConnectionTroubles {
    private struct Trouble: Hashable {
        var endpoint: AMQPEndpoint
        var code: AMQPError.Code
    }

    private static let reminderInterval = Duration.seconds(600)
    private var told: [Trouble: ContinuousClock.Instant] = [:]

    /// Whether nothing was said of this for ten minutes. Counts as said then.
    mutating func isNews(_ code: AMQPError.Code, of endpoint: AMQPEndpoint, at now: ContinuousClock.Instant) -> Bool {
        let trouble = Trouble(endpoint: endpoint, code: code)
        if let last = told[trouble], now - last < Self.reminderInterval { return false }
        told[trouble] = now
        return true
    }

    /// There is a connection: what keeps the next from being made is news.
    mutating func clear() { told.removeAll() }
}
