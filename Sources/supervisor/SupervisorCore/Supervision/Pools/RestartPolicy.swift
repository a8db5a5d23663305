/// When a pool may start a worker again after one died. Pure: time and chance come from the caller.
///
/// The wait is drawn evenly between zero and a ceiling that doubles with each death, so that neither a crash loop
/// spins nor many workers start at the same moment. A worker that lived for a while sets the ceiling back. Too many
/// quick deaths mark the pool as failing: it then tries once a minute.
struct RestartPolicy: Sendable, Equatable {
    struct Limits: Sendable, Equatable {
        var initialDelay = Duration.milliseconds(200)
        var maximumDelay = Duration.seconds(30)
        /// A worker that ran for this long proves that the pool works.
        var provenAfter = Duration.seconds(60)
        /// A death so soon after the start is a quick one.
        var quickDeath = Duration.seconds(10)
        var quickDeathsAllowed = 5
        var quickDeathWindow = Duration.seconds(60)
        var failingRetry = Duration.seconds(60)
    }

    let limits: Limits
    /// Deaths since a worker last proved the pool.
    private(set) var deaths = 0
    private(set) var isFailing = false
    private var quickDeaths: [ContinuousClock.Instant] = []

    init(limits: Limits = Limits()) { self.limits = limits }

    /// The longest wait after the deaths so far.
    var ceiling: Duration {
        guard deaths > 0 else { return .zero }
        var ceiling = min(limits.initialDelay, limits.maximumDelay)
        for _ in 1..<min(deaths, 64) where ceiling < limits.maximumDelay {
            ceiling = min(ceiling * 2, limits.maximumDelay)
        }
        return ceiling
    }

    /// A worker that was to go on has died, or could not be started.
    ///
    /// - Parameter jitter: drawn evenly from 0 to 1.
    /// - Returns: the time to wait before the next start.
    mutating func died(
        at now: ContinuousClock.Instant,
        afterRunning lifetime: Duration,
        jitter: Double
    ) -> Duration {
        if lifetime >= limits.provenAfter { proved() }
        deaths += 1
        if lifetime < limits.quickDeath { quickDeaths.append(now) }
        quickDeaths.removeAll { $0 + limits.quickDeathWindow <= now }
        if quickDeaths.count >= limits.quickDeathsAllowed { isFailing = true }
        return isFailing ? limits.failingRetry : ceiling * jitter
    }

    /// A worker has run for ``Limits/provenAfter``.
    mutating func proved() {
        deaths = 0
        isFailing = false
        quickDeaths = []
    }
}
