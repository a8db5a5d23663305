/// Judges whether an exchange still gets on, by its time limits. Pure.
struct Activity {
    /// The exchange as it is at a moment.
    struct Sight {
        /// Whether the connection, with its TLS, is ready for the request. Time before counts against another limit.
        var isConnected: Bool
        /// Grows with every byte that has gone either way.
        var progress: Int64
        var hasHead: Bool
        var bodyBytes: Int64
        /// For how long the sink was busy so far.
        var sinkTime: Duration
    }

    enum Verdict: Hashable {
        /// It may be left alone for so long.
        case rest(Duration)
        case tooLong(String)
    }

    private let limits: WebTimeouts
    private var progress: Int64 = -1
    private var since: SuspendingClock.Instant
    private var connected: SuspendingClock.Instant?
    /// The period in which the rate is looked at.
    private var period: (began: SuspendingClock.Instant, bodyBytes: Int64, sinkTime: Duration)?

    init(_ limits: WebTimeouts, at now: SuspendingClock.Instant) {
        self.limits = limits
        since = now
    }

    /// Leaves a time out of account in which the exchange was stopped from this side.
    mutating func leaveOut(_ time: Duration) {
        since += time
        connected = connected.map { $0 + time }
        period?.began += time
    }

    mutating func judge(_ sight: Sight, at now: SuspendingClock.Instant) -> Verdict {
        guard sight.isConnected else {
            since = now
            return .rest(limits.idle)
        }
        if sight.progress != progress {
            progress = sight.progress
            since = now
        }
        let begin = connected ?? now
        connected = begin
        var rest = limits.idle - (now - since)
        if rest <= .zero { return .tooLong("nothing came or went for too long") }
        if let head = limits.head, !sight.hasHead {
            rest = min(rest, head - (now - begin))
            if rest <= .zero { return .tooLong("the header of the response did not come in time") }
        }
        if let rate = limits.rate, sight.hasHead {
            guard let left = judge(rate, sight, at: now) else {
                let seconds = rate.period / .seconds(1)
                return .tooLong("it is too slow: \(rate.bytes) bytes must come in \(seconds) s")
            }
            rest = min(rest, left)
        }
        return .rest(rest)
    }

    /// - Returns: how long the period still lasts; nil when it is over and too little has come in it.
    private mutating func judge(
        _ rate: WebRate,
        _ sight: Sight,
        at now: SuspendingClock.Instant
    ) -> Duration? {
        let current = period ?? (now, sight.bodyBytes, sight.sinkTime)
        period = current
        let left = rate.period - ((now - current.began) - (sight.sinkTime - current.sinkTime))
        if left > .zero { return left }
        guard sight.bodyBytes - current.bodyBytes >= rate.bytes else { return nil }
        period = (now, sight.bodyBytes, sight.sinkTime)
        return rate.period
    }
}
