package import FoundationEssentials
internal import JobModel

/// The time as the runtime sees it, so that a test can have time of its own.
package protocol RuntimeClock: Sendable {
    /// Goes on while the host sleeps, and never jumps.
    var now: ContinuousClock.Instant { get }
    /// The wall clock, for people and messages.
    var date: Date { get }

    /// - Throws: `CancellationError` as soon as the task is cancelled.
    func sleep(until deadline: ContinuousClock.Instant) async throws
}

extension RuntimeClock {
    /// - Throws: as ``sleep(until:)``.
    package func sleep(for duration: Duration) async throws { try await sleep(until: now + duration) }

    /// Waits between two tries, so that a lasting fault costs no processor time.
    ///
    /// - Parameter failures: the failures in a row, the last one included.
    /// - Throws: `CancellationError` when the worker drains.
    package func pause(afterFailures failures: Int) async throws {
        try await sleep(for: .milliseconds(min(100 << min(max(failures - 1, 0), 6), 5_000)))
    }

    /// The wall clock in the format of messages.
    package var timestamp: String { Timestamp.string(date) }
}

/// The host's clocks.
package struct SystemClock: RuntimeClock {
    package init() {}

    package var now: ContinuousClock.Instant { .now }
    package var date: Date { Date() }
    package func sleep(until deadline: ContinuousClock.Instant) async throws {
        try await Task.sleep(until: deadline, clock: .continuous)
    }
}
