internal import HTTPClient
package import JobModel
internal import Synchronization

/// Remembers which hosts are away or overloaded, be they those of sources or of the store, so that the jobs of a
/// process do not all find it out one by one, and none of them asks a host that wants to be left alone (a circuit
/// breaker).
///
/// A host is asked again after a pause: as long as it said, or else 5 s, doubling with each time in a row to a minute.
/// Any other answer ends it.
package final class HostWatch: Sendable {
    /// That of the process.
    package static let shared = HostWatch()

    private struct Absence {
        var until: ContinuousClock.Instant
        var pause: Duration
        var since: Int64
        var cause: HostAway.Cause
    }

    private static let firstPause = Duration.seconds(5)
    private static let longestPause = Duration.seconds(60)
    /// Of a host that asks for no time at all.
    private static let shortestPause = Duration.seconds(1)
    /// Further ones are not remembered: each is a name out of a job.
    private static let maximumHosts = 1000

    private let known = Mutex<[RemoteHost: Absence]>([:])
    private let now: @Sendable () -> ContinuousClock.Instant

    package init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    /// - Parameters:
    ///   - subject: what is asked for, for the message.
    ///   - code: of the error.
    /// - Throws: ``StorageError`` when the host is not to be asked yet.
    package func check(
        _ host: RemoteHost,
        _ subject: String,
        code: StorageError.Code = .unavailable
    ) throws(StorageError) {
        guard let absence = known.withLock({ $0[host] }) else { return }
        let rest = absence.until - now()
        guard rest > .zero else { return }
        let seconds = Int((rest / .seconds(1)).rounded(.up))
        throw StorageError(
            code: code,
            message: "\(subject) cannot be had now: \(host) was away or had no time, and is not asked for another "
                + "\(seconds) s",
            verdict: .transient,
            retryAfter: rest,
            away: HostAway(absence.cause, host: host)
        )
    }

    /// Notes how a request to the host ended.
    ///
    /// - Parameter error: nil for an answer that says that it is there.
    package func note(_ host: RemoteHost, _ error: StorageError?) {
        known.withLock { known in
            guard let away = error?.away else {
                known[host] = nil
                return
            }
            let before = known[host]
            let pause =
                error?.retryAfter.map { max($0, Self.shortestPause) }
                ?? before.map { min($0.pause * 2, Self.longestPause) } ?? Self.firstPause
            if known.count >= Self.maximumHosts, before == nil {
                known = known.filter { $0.value.until > now() }
                if known.count >= Self.maximumHosts { return }
            }
            known[host] = Absence(
                until: now() + pause,
                pause: pause,
                since: before?.since ?? UTCTime.now.secondsSince1970,
                cause: away.cause
            )
        }
    }

    func check(_ url: HTTPURL, _ subject: String) throws(StorageError) { try check(RemoteHost(url), subject) }

    func note(_ url: HTTPURL, _ error: StorageError?) { note(RemoteHost(url), error) }

    /// The hosts that have not answered since they were found away. No job is counted here.
    package var absences: [HostAbsence] {
        known.withLock { known in
            known.map { host, absence in
                HostAbsence(
                    host: host.description,
                    since: absence.since,
                    cause: absence.cause.rawValue,
                    isResting: absence.until > now()
                )
            }
        }
    }
}

extension HostAway.Cause {
    /// nil for a failure that may be the object's own.
    init?(_ error: WebError) {
        guard error.isUnreachable else { return nil }
        self = error.code == .unknownHost ? .lookup : .connection
    }
}
