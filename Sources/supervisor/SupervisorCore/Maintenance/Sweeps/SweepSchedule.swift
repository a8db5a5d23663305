internal import AMQP

/// Decides when the workspace is swept, and when files that could not be removed are tried again. Pure: time is given.
struct SweepSchedule: Sendable {
    enum Action: Sendable, Equatable {
        case sweep
        case retry
    }

    /// The time between two retries, which grows while files stay.
    static let retries = BackoffPolicy(initial: .seconds(60), maximum: .seconds(3600))

    /// The time between two tries to remove files that were left when a clean-up was given up. The first comes at once.
    static let leftRetries = BackoffPolicy(initial: .seconds(5), maximum: .seconds(3600))

    /// The time between two sweeps.
    let interval: Duration
    private var nextSweep = Duration.zero
    private var nextRetry: Duration?
    private var failures = 0
    private var nextLeft = Duration.zero
    private var leftTries = 0

    init(interval: Duration) { self.interval = interval }

    /// The action that is due now; nil for none.
    ///
    /// - Parameters:
    ///   - now: the time since the schedule began, by a clock that does not jump.
    ///   - hasStuckFiles: whether there are files that could not be removed.
    mutating func action(at now: Duration, hasStuckFiles: Bool) -> Action? {
        if now >= nextSweep {
            nextSweep = now + interval
            return .sweep
        }
        guard hasStuckFiles else {
            (nextRetry, failures) = (nil, 0)
            return nil
        }
        guard let due = nextRetry else {
            // The files were just found: a try to remove them failed a moment ago.
            failures = 1
            nextRetry = now + Self.retries.ceiling(afterFailures: failures)
            return nil
        }
        guard now >= due else { return nil }
        failures += 1
        nextRetry = now + Self.retries.ceiling(afterFailures: failures)
        return .retry
    }

    /// Whether to try now to remove files that nobody has tried to remove since their job ended.
    mutating func isDueForLeft(at now: Duration, hasLeft: Bool) -> Bool {
        guard hasLeft else {
            (nextLeft, leftTries) = (.zero, 0)
            return false
        }
        guard now >= nextLeft else { return false }
        leftTries += 1
        nextLeft = now + Self.leftRetries.ceiling(afterFailures: leftTries)
        return true
    }

    /// The next sweep comes soon: another process had the right to sweep.
    mutating func postpone(until later: Duration) { nextSweep = min(nextSweep, later) }
}
