internal import Settings

/// When a worker counts as hanging, and what it is given then.
struct WatchLimits: Sendable, Equatable {
    /// Without a report for so long it hangs.
    var heartbeatTimeout = Duration.seconds(25)
    /// With work on a job that has got on by nothing for so long it hangs; nil for never.
    var stallTimeout: Duration? = .seconds(600)
    /// From SIGABRT to SIGKILL.
    var abortGrace = Duration.seconds(5)
    /// From SIGTERM to SIGKILL.
    var endGrace = Duration.seconds(35)

    /// Between two looks.
    var interval: Duration { min(max(patience / 2, .milliseconds(50)), .seconds(5)) }

    /// A look that comes later than this after the one before tells of this process, not of workers: it did not run either,
    /// and what they reported meanwhile is still to be read.
    var patience: Duration { min(heartbeatTimeout, stallTimeout ?? heartbeatTimeout) / 2 }
}

extension WatchLimits {
    init(_ settings: Settings) {
        heartbeatTimeout = .seconds(settings.heartbeatTimeoutSeconds)
        stallTimeout = settings.stallSeconds > 0 ? .seconds(settings.stallSeconds) : nil
        endGrace = settings.drainLimit
    }
}

extension Settings {
    /// What a worker that was told to end may take: beyond `DRAIN_SECONDS` it hands its job back.
    var drainLimit: Duration { .seconds(drainSeconds) + .seconds(5) }
}
