internal import Settings

/// When a worker counts as hanging, and how long it may take to end then.
struct WatchLimits: Sendable, Equatable {
    /// A worker hangs when it reports nothing for so long.
    var heartbeatTimeout = Duration.seconds(25)
    /// A worker hangs when its work on a job makes no progress for so long; nil for never.
    var stallTimeout: Duration? = .seconds(600)
    /// The time from SIGABRT to SIGKILL.
    var abortGrace = Duration.seconds(5)
    /// The time from SIGTERM to SIGKILL.
    var endGrace = Duration.seconds(35)

    /// The time between two looks.
    var interval: Duration { min(max(patience / 2, .milliseconds(50)), .seconds(5)) }

    /// A look that comes later than this after the one before tells nothing about workers: this process did not run
    /// itself, and has not read their reports yet.
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
    /// The time for a worker that was told to end: beyond `DRAIN_SECONDS` it hands its job back.
    var drainLimit: Duration { .seconds(supervision.drainSeconds) + .seconds(5) }
}
