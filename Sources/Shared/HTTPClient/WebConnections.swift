internal import Synchronization

/// Connections that complete exchanges leave behind, for the next exchange with the same server.
///
/// Each stays with the ``MultiHandle`` that made it, and so with one thread at a time: libcurl's own ways to share
/// connections between threads are not safe. A server may close one at any moment. libcurl sees that before it sends, or
/// else sends the request once more on a new connection, as long as nothing of an answer has come; a request that must
/// not be sent twice asks for a new one (``WebRequest/needsNewConnection``).
package final class WebConnections: Sendable {
    private struct Idle {
        var multi: MultiHandle
        /// Scheme, host and port, in ASCII.
        var origin: String
        var since: ContinuousClock.Instant
    }

    /// The oldest one first.
    private let idle = Mutex<[Idle]>([])
    private let maximumIdle: Int
    private let longestIdle: Duration
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameters:
    ///   - maximumIdle: connections that are kept while nobody uses them. Further ones are closed.
    ///   - longestIdle: for so long; older ones are closed when another one is taken or kept.
    package init(
        maximumIdle: Int = 32,
        longestIdle: Duration = .seconds(30),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.maximumIdle = maximumIdle
        self.longestIdle = longestIdle
        self.now = now
    }

    /// How many there are that nobody uses.
    package var idleCount: Int { idle.withLock(\.count) }

    /// Closes those that nobody uses.
    package func closeIdle() {
        let all = idle.withLock { idle in
            defer { idle = [] }
            return idle
        }
        withExtendedLifetime(all) {}
    }

    /// - Returns: nil when there is none to the server.
    func take(_ origin: String) -> MultiHandle? {
        let (found, old) = idle.withLock { idle in
            let old = removeOld(&idle)
            guard let place = idle.lastIndex(where: { $0.origin == origin }) else { return (nil as Idle?, old) }
            return (idle.remove(at: place), old)
        }
        // Closed here, as nobody should wait for it.
        withExtendedLifetime(old) {}
        return found?.multi
    }

    /// Takes a handle without an exchange.
    func keep(_ multi: MultiHandle, _ origin: String) {
        let old = idle.withLock { idle in
            var old = removeOld(&idle)
            idle.append(Idle(multi: multi, origin: origin, since: now()))
            while idle.count > maximumIdle { old.append(idle.removeFirst()) }
            return old
        }
        withExtendedLifetime(old) {}
    }

    private func removeOld(_ idle: inout [Idle]) -> [Idle] {
        let first = now() - longestIdle
        let old = idle.prefix { $0.since < first }
        idle.removeFirst(old.count)
        return Array(old)
    }
}
