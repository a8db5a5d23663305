internal import Synchronization

/// Remembers which hosts are away or overloaded, so that the jobs of a process do not all find it out one by one, and
/// none of them asks a host that wants to be left alone (a circuit breaker).
///
/// A host is asked again after a pause: as long as it said, or else 5 s, doubling with each time in a row to a minute.
/// Any other answer ends it.
package final class HostWatch: Sendable {
    /// That of the process.
    package static let shared = HostWatch()

    private struct Absence {
        var until: ContinuousClock.Instant
        var pause: Duration
    }

    private static let firstPause = Duration.seconds(5)
    private static let longestPause = Duration.seconds(60)
    /// Further ones are not remembered: each is a name out of a job.
    private static let maximumHosts = 1000

    private let absences = Mutex<[String: Absence]>([:])
    private let now: @Sendable () -> ContinuousClock.Instant

    package init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    /// - Parameter subject: what is asked for, for the message.
    /// - Throws: ``StorageError`` when the host is not to be asked yet.
    func check(_ url: HTTPURL, _ subject: String) throws(StorageError) {
        guard let absence = absences.withLock({ $0[Self.key(url)] }) else { return }
        let rest = absence.until - now()
        guard rest > .zero else { return }
        let seconds = Int((rest / .seconds(1)).rounded(.up))
        throw StorageError(
            code: .unavailable,
            message: "the host of \(subject) was away or had no time, and is not asked for another \(seconds) s",
            verdict: .transient,
            retryAfter: rest,
            isHostAway: true
        )
    }

    /// Notes how a request to the host ended.
    ///
    /// - Parameter error: nil for an answer that says that it is there.
    func note(_ url: HTTPURL, _ error: StorageError?) {
        absences.withLock { absences in
            let key = Self.key(url)
            guard let error, error.isHostAway else {
                absences[key] = nil
                return
            }
            let before = absences[key]?.pause
            let pause = error.retryAfter ?? before.map { min($0 * 2, Self.longestPause) } ?? Self.firstPause
            if absences.count >= Self.maximumHosts, absences[key] == nil {
                absences = absences.filter { $0.value.until > now() }
                if absences.count >= Self.maximumHosts { return }
            }
            absences[key] = Absence(until: now() + pause, pause: pause)
        }
    }

    private static func key(_ url: HTTPURL) -> String { "\(url.hostText):\(url.port)" }
}
