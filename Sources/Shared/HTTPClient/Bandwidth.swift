internal import Synchronization

/// A limit to the bytes of bodies that go one way in a second, over all exchanges that share it: a token bucket.
///
/// Whoever has moved bytes tells them, and rests until they were due. As each one's rest ends after those that were
/// told before, exchanges that run side by side get on in turn, and none of them starves.
package final class Bandwidth: Sendable {
    package let bytesPerSecond: Int64
    /// So much of a rest may be made up for afterwards: the disk, or the other side, was slow for a moment.
    static let burst = Duration.milliseconds(250)

    private struct State {
        /// When all bytes that were told are due.
        var due: ContinuousClock.Instant?
        var bytes: Int64 = 0
    }

    private let state = Mutex(State())
    private let clock: @Sendable () -> ContinuousClock.Instant

    /// - Parameter bytesPerSecond: at least 1.
    package init(
        bytesPerSecond: Int64,
        clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.bytesPerSecond = max(bytesPerSecond, 1)
        self.clock = clock
    }

    var now: ContinuousClock.Instant { clock() }

    /// All bytes that were told.
    package var notedBytes: Int64 { state.withLock(\.bytes) }

    /// A piece that is due soon enough for others to get their turn.
    var pieceBytes: Int64 { bytesPerSecond / 8 }

    /// Notes bytes that have gone.
    ///
    /// - Returns: until when whoever has moved them rests.
    func note(_ bytes: Int64) -> ContinuousClock.Instant {
        let now = now
        return state.withLock { state in
            let start = max(state.due ?? now - Self.burst, now - Self.burst)
            let end = start + .seconds(Double(bytes) / Double(bytesPerSecond))
            state.due = end
            state.bytes += bytes
            return end
        }
    }
}

/// The limits that the exchanges of a client share with others.
package struct WebLimits: Sendable {
    package var receiving: Bandwidth?
    package var sending: Bandwidth?

    package init(receiving: Bandwidth? = nil, sending: Bandwidth? = nil) {
        self.receiving = receiving
        self.sending = sending
    }
}
