/// The wait before the next try: exponential growth with full jitter, so that many clients of a broker that comes back
/// do not all arrive at once.
package struct BackoffPolicy: Sendable, Hashable {
    /// The longest wait before the second try.
    package var initial: Duration
    /// The longest wait at all.
    package var maximum: Duration

    package init(initial: Duration = .milliseconds(200), maximum: Duration = .seconds(30)) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The upper end of the wait after so many failures (0 and less count as none), before jitter.
    package func ceiling(afterFailures failures: Int) -> Duration {
        guard failures > 0 else { return .zero }
        var ceiling = min(initial, maximum)
        for _ in 1..<min(failures, 64) where ceiling < maximum {
            ceiling = min(ceiling * 2, maximum)
        }
        return ceiling
    }

    /// The wait itself: a share of the ceiling.
    ///
    /// - Parameter share: Drawn evenly from 0 to 1 unless given.
    package func delay(afterFailures failures: Int, share: Double = .random(in: 0...1)) -> Duration {
        ceiling(afterFailures: failures) * share
    }
}
