import Synchronization

/// Passes progress on, and never goes back: a computation of several passes counts from zero in each.
final class ProgressMeter: Sendable {
    private let report: @Sendable (Double) -> Void
    private let highest = Mutex(0.0)

    init(report: @escaping @Sendable (Double) -> Void) { self.report = report }

    func advance(to fraction: Double) {
        // Reported inside the lock, so that two threads cannot report in the wrong order.
        highest.withLock { highest in
            guard fraction > highest else { return }
            highest = fraction
            report(fraction)
        }
    }
}
